import { readFile, writeFile } from "node:fs/promises";
import { join, resolve } from "node:path";
import { afterAll, beforeAll, describe, expect, test, vi } from "vitest";
import { type InstalledPackage, installPackage } from "./support/installed-package.ts";

// The package as it would be published, in a project that has nothing else.

// npm itself takes its time.
vi.setConfig({ testTimeout: 180_000, hookTimeout: 300_000 });

let installed: InstalledPackage;

beforeAll(async () => {
  installed = await installPackage();
});

afterAll(() => installed?.remove());

async function write(name: string, text: string): Promise<string> {
  await writeFile(join(installed.folder, name), text);
  return name;
}

test("holds what runs and the protos, nothing else", () => {
  const folders = new Set(installed.files.map((file) => file.split("/").slice(0, 2).join("/")));
  expect([...folders].sort()).toEqual([
    "LICENSE",
    "README.md",
    "dist/console",
    "dist/gen",
    "dist/src",
    "package.json",
    "proto/jitsudo",
  ]);
  expect(
    installed.files.filter((file) => /test|bench/.test(file) && !file.startsWith("dist/src/testing/")),
  ).toEqual([]);
});

const common = ["@bufbuild/protobuf", "@bufbuild/protovalidate", "@connectrpc/connect"];

const clientFolders = ["gen", "src/clients", "src/async/abortable-sleep."];

/** What each entry may load: its packages, and the folders of this one. */
const entries = {
  client: { packages: [...common, "@connectrpc/connect-node"], folders: clientFolders },
  "client/web": { packages: [...common, "@connectrpc/connect-web"], folders: clientFolders },
  "client/grpc-js": {
    packages: [
      ...common,
      ...["@grpc/grpc-js", "@grpc/proto-loader", "@js-sdsl/ordered-map", "@protobufjs/*", "lodash.camelcase"],
      ...["long", "protobufjs", "yargs*"],
    ],
    folders: clientFolders,
  },
  webhooks: { packages: [], folders: ["src/webhooks", "src/events.d.ts"] },
};

describe.each(Object.entries(entries))("jitsudo-notifications/%s", (name, allowed) => {
  const isAllowed = (part: string) =>
    allowed.packages.some((pattern) =>
      pattern.endsWith("*") ? part.startsWith(pattern.slice(0, -1)) : part === pattern,
    ) || allowed.folders.some((folder) => part.startsWith(`dist/${folder}`));

  /** Of a file in node_modules: its package, or where it is in ours. */
  function partOf(path: string): string | undefined {
    const [, inside] = /.*\/node_modules\/(.*)/.exec(path) ?? [];
    if (inside?.startsWith("jitsudo-notifications/")) return inside.replace("jitsudo-notifications/", "");
    return inside && (/^(@[^/]+\/)?[^/]+/.exec(inside)?.[0] ?? inside);
  }

  test("loads no server code and no server's packages", async () => {
    const script = await write(
      "loaded.mjs",
      `import { registerHooks } from "node:module";
       const loaded = new Set();
       registerHooks({
         resolve(specifier, context, next) {
           const resolved = next(specifier, context);
           loaded.add(resolved.url);
           return resolved;
         },
       });
       await import(process.argv[2]);
       console.log(JSON.stringify([...loaded]));`,
    );
    const loaded: string[] = JSON.parse(await installed.node(script, `jitsudo-notifications/${name}`));
    const parts = [...new Set(loaded.flatMap((url) => partOf(url) ?? []))];
    expect(parts.filter((part) => part.startsWith("dist/src/")).length).toBeGreaterThan(0);
    expect(parts.filter((part) => !isAllowed(part))).toEqual([]);
    // Nothing of Node where there may be none.
    const builtins = loaded.filter((url) => url.startsWith("node:"));
    if (name === "client/web") expect(builtins).toEqual([]);
    else expect(builtins.length).toBeGreaterThan(0);
  });

  test("has types that need no more than that", async () => {
    const file = await write("types.ts", `export type * from "jitsudo-notifications/${name}";\n`);
    const dom = name === "client/web" ? ["--lib", "es2024,dom,dom.iterable"] : [];
    const files = await installed.tsc(...dom, file);
    const read = new Set(files.flatMap((path) => partOf(path) ?? []));
    expect([...read].filter((part) => part.startsWith("dist/src/")).length).toBeGreaterThan(0);
    const compiler = /^(@types|undici-types|@?typescript)(\/|$)/;
    expect([...read].filter((part) => !isAllowed(part) && !compiler.test(part))).toEqual([]);
  });
});

test("a program in TypeScript uses all entries against the service that it started", async () => {
  const program = await write(
    "program.ts",
    `import { createEventPublisher, createNotificationsClient, requestPending } from "jitsudo-notifications/client";
     import { createGrpcJsClient, credentials, EventIngestService } from "jitsudo-notifications/client/grpc-js";
     import { createNotificationsClient as createWebClient } from "jitsudo-notifications/client/web";
     import { startTestService, startWebhookSink } from "jitsudo-notifications/testing";
     import { verifyWebhook, type WebhookNotice } from "jitsudo-notifications/webhooks";

     const service = await startTestService();
     const sink = await startWebhookSink();
     const client = createNotificationsClient(service);
     const { signing } = await client.channels.createGenericWebhookChannel({
       name: "sink",
       url: sink.url,
       generateSigningSecret: "symmetric",
     });
     const grpcJs = createGrpcJsClient(
       EventIngestService,
       new URL(service.baseUrl).host,
       credentials.createInsecure(),
       service,
     );
     const senders = { connect: client.events, web: createWebClient(service).events, grpcJs };
     for (const [requestId, events] of Object.entries(senders)) {
       const publisher = createEventPublisher({ events });
       await publisher.publish(requestPending({ requestId, requester: "ada@example.com" }));
       await publisher.close();
       const request = await sink.waitFor(({ notice }) => notice?.data.request_id === requestId);
       const notice: WebhookNotice = verifyWebhook({ ...request, secret: signing?.newSecret ?? "" });
       console.log(notice.title, notice.data.request_id);
     }
     client.close();
     grpcJs.close();
     await sink.close();
     await service.close();
    `,
  );
  await installed.tsc(program);
  const wrong = `import { requestPending } from "jitsudo-notifications/client";
     requestPending({ requestId: "req-1" });`;
  await expect(installed.tsc(await write("wrong.ts", wrong))).rejects.toThrow("requester");
  expect(await installed.node(program)).toBe(
    "Approval needed connect\nApproval needed web\nApproval needed grpcJs\n",
  );
});

test.each(["README.md", "docs/clients.md"])(
  "what %s shows in TypeScript has the package's types",
  async (page) => {
    const text = await readFile(resolve(import.meta.dirname, "..", page), "utf8");
    const blocks = [...text.matchAll(/^```ts\n(.*?)^```/gms)].map(([, block = ""]) => block);
    expect(blocks.length).toBeGreaterThan(1);
    const isImport = (line: string) => line.startsWith("import ");
    // A block goes on where the one before ended, with what the reader has.
    const imports = new Set(blocks.flatMap((block) => block.split("\n").filter(isImport)));
    const bodies = blocks.map((block, index) => {
      const statements = block.split("\n").filter((line) => !isImport(line));
      return `export async function block${index}() {\n${statements.join("\n")}\n}\n`;
    });
    const given = `
    import type { IncomingMessage } from "node:http";
    import type { NotificationsClient } from "jitsudo-notifications/client";
    declare const client: NotificationsClient;
    declare const apiKey: string, tenantId: string, id: string, secret: string;
    declare const rawBody: Buffer, request: IncomingMessage;
  `;
    const file = await write(`${page.replace(/\W/g, "-")}.ts`, [...imports, given, ...bodies].join("\n"));
    await installed.tsc(file);
  },
);
