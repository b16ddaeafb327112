import { globSync, readFileSync, symlinkSync, writeFileSync } from "node:fs";
import { join, resolve } from "node:path";
import { afterAll, beforeAll, describe, expect, test } from "vitest";
import { type Deployment, deploy } from "../e2e/deployment.ts";
import { type HttpSink, startHttpSink } from "../sinks/http-sink.ts";
import { startChild } from "../support/child.ts";
import { makeTempDir, removeDir } from "../support/temp-dir.ts";

// Code for other languages, made of the same protos by their own generators (from
// Debian), and a Python program that really calls the service.

const root = resolve(import.meta.dirname, "../..");
let folder: string;

beforeAll(async () => {
  folder = await makeTempDir();
  for (const name of ["buf.yaml", "proto", "build", "node_modules"])
    symlinkSync(join(root, name), join(folder, name));
  await run(`${root}/node_modules/.bin/node`, [`${root}/scripts/print-validate-proto.ts`], root);
});

afterAll(() => removeDir(folder));

async function run(command: string, args: string[], cwd: string, env: Record<string, string> = {}) {
  const path = `${root}/node_modules/.bin:/usr/bin:${process.env.PATH}`;
  const child = await startChild(command, args, { cwd, env: { ...process.env, PATH: path, ...env } });
  const exit = await child.waitForExit(60_000);
  expect({ command, exit, stderr: exit === 0 ? "" : child.stderr() }).toEqual({
    command,
    exit: 0,
    stderr: "",
  });
  return child.stdout();
}

const generate = (template: string) =>
  run("buf", ["generate", "--template", template, "--output", folder], root);

describe("docs/how-to/other-languages.md", () => {
  const page = readFileSync(join(root, "docs/how-to/other-languages.md"), "utf8");

  async function generateBy(language: string): Promise<string[]> {
    const block = [...page.matchAll(/```yaml\n(.*?)```/gs)].find(([, yaml]) =>
      yaml?.startsWith(`# ${language}:`),
    );
    const template = join(folder, `${language}.yaml`);
    writeFileSync(template, block?.[1] ?? "");
    await generate(template);
    return globSync("{gen,src}/**/*", { cwd: folder });
  }

  test("the settings for Go make messages and services of our protos, in the package that they name", async () => {
    const files = await generateBy("Go");
    expect(files).toContain("gen/jitsudo/notifications/v1/event.pb.go");
    expect(files).toContain("gen/jitsudo/notifications/v1/event_grpc.pb.go");
    expect(files.filter((file) => file.endsWith(".go") && !file.includes("jitsudo"))).toEqual([]);
    const event = readFileSync(join(folder, "gen/jitsudo/notifications/v1/event.pb.go"), "utf8");
    expect(event).toContain("package notificationsv1");
    const imported = [...event.matchAll(/^\t\w+ "(.*\..*)"$/gm)].map(([, path]) => path);
    expect(imported.filter((path) => !path?.startsWith("google.golang.org/protobuf/"))).toEqual([]);
  });

  test("the settings for Java make messages and services in the package that they name", async () => {
    const files = await generateBy("Java");
    const packaged = "src/main/java/com/acme/access/jitsudo/v1";
    expect(files).toContain(`${packaged}/IngestEventRequest.java`);
    expect(files).toContain(`${packaged}/EventIngestServiceGrpc.java`);
    const outside = files.filter((file) => file.endsWith(".java") && !file.startsWith(packaged));
    expect(outside).toEqual([]);
    const event = readFileSync(join(folder, packaged, "EventProto.java"), "utf8");
    expect(event).not.toMatch(/com\.google\.api|buf\.validate/);
  });
});

describe("examples/python", () => {
  let deployment: Deployment;
  let sink: HttpSink;

  beforeAll(async () => {
    sink = await startHttpSink();
    deployment = await deploy("PostgreSQL and Redis");
    await generate("examples/python/buf.gen.yaml");
  });

  afterAll(async () => {
    await deployment?.close();
    await sink.close();
  });

  test("sends an event, lists its deliveries and reads an error's details", async () => {
    const tenant = await deployment.newTenant();
    await tenant.api.createWebhook(`${sink.url}/python`);
    const env = {
      JITSUDO_API_KEY: tenant.apiKey,
      JITSUDO_TENANT_ID: tenant.id,
      PYTHONPATH: join(folder, "examples/python/gen"),
    };
    // Debian's own interpreter: it has Debian's packages.
    const output = await run(
      "/usr/bin/python3",
      ["examples/python/send_event.py", deployment.service.address],
      root,
      env,
    );
    expect(output.split("\n")).toEqual([
      expect.stringMatching(/^event [0-9a-f-]{36}: 1 deliveries$/),
      "generic_webhook: delivered after 1 attempts",
      "INVALID_ARGUMENT: invalid_argument",
      expect.stringMatching(/^ {2}type: must be one of request\.pending, /),
      "  duration_seconds: must be at least 0",
      "",
    ]);
    const [request] = sink.to("/python");
    expect(JSON.parse(request?.body ?? "")).toMatchObject({
      type: "request.break_glass",
      data: { requester: "ada@example.com", attributes: { ticket: "OPS-1" } },
    });
  });

  test("verifies the service's signatures, as docs/how-to/verify-signatures.md shows", async () => {
    const page = readFileSync(join(root, "docs/how-to/verify-signatures.md"), "utf8");
    const verify = /```python\n(.*?)```/s.exec(page)?.[1] ?? "";
    const { api } = await deployment.newTenant();
    const secrets = ["whsec_MfKQ9r8GKYqrTwjUPD8ILPZIo2LaLaSw", "any other text"];
    for (const [index, secret] of secrets.entries()) {
      const path = `/signed-${index}`;
      const { id } = await api.createWebhook(sink.url + path, { signing_secret: secret });
      // Two signatures: the first is made with a secret that the receiver does not know yet.
      await api.send("POST", `/v1/notification-channels/${id}/signing-secret:rotate`, {});
      await api.send("POST", `/v1/notification-channels/${id}/test`, {});
      const [received] = sink.to(path);
      const call = (key: string, body = "") =>
        run("/usr/bin/python3", ["-c", program(verify), key, JSON.stringify(received?.headers), body], root);
      expect(await call(secret, received?.body)).toBe("good\n");
      expect(await call("another secret", received?.body)).toBe("no signature matches\n");
      expect(await call(secret, `${received?.body} `)).toBe("no signature matches\n");
    }
  });
});

function program(verify: string): string {
  return `${verify}
import json, sys
try:
    verify(sys.argv[1], json.loads(sys.argv[2]), sys.argv[3].encode())
    print("good")
except ValueError as error:
    print(error)
`;
}
