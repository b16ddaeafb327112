import { readFileSync } from "node:fs";
import { join, resolve } from "node:path";
import { afterAll, beforeAll, expect, test } from "vitest";
import { type Home, makeHome } from "../e2e/home.ts";
import { type Child, startChild } from "../support/child.ts";
import { type Service, startService } from "../support/service.ts";
import { until } from "../support/until.ts";
import { runBash, shellBlocks } from "./shell.ts";

// docs/tutorial.md, from top to bottom: the service and the sink in their own processes,
// as in terminals one and two, and everything else in a shell.

const root = resolve(import.meta.dirname, "../..");
let home: Home;
let service: Service;
let sink: Child;

beforeAll(async () => {
  home = await makeHome("embedded");
  service = await startService({ dataDir: home.dataDir, timeoutMs: 90_000 });
  const ports = ["--http-port", "0", "--smtp-port", "0"];
  sink = await startChild(`${root}/node_modules/.bin/node`, ["src/cli/sink.ts", ...ports], { cwd: root });
  await until(() => sink.stdout().includes("/v1/events"), { timeoutMs: 30_000 });
});

afterAll(async () => {
  await sink?.kill();
  await service?.close();
  home?.remove();
});

test("the tutorial's commands lead to three notices, and a second time to none", async () => {
  const page = readFileSync(join(root, "docs/tutorial.md"), "utf8");
  const [start, receive, ...blocks] = shellBlocks(page);
  expect([start, receive]).toEqual(["npm install\nnpm start\n", "npm run sink\n"]);
  const script = here(blocks.join("\n"));
  const [, , apply = "", send = "", list = ""] = blocks.map(here);
  expect([apply, send, list].map((block) => /apply|events|deliveries/.exec(block)?.[0])).toEqual([
    "apply",
    "events",
    "deliveries",
  ]);

  const first = await runBash(script, {});
  expect(first.stdout).toContain("3 to create, 0 to update, 0 to delete, 0 unchanged");
  expect(first.stdout).toContain('"deliveries":3');
  await until(() => /HTTP POST \/siem/.test(sink.stdout()) && /SMTP message/.test(sink.stdout()));
  await until(() => /HTTP POST \/services\/T00000000/.test(sink.stdout()));
  expect(sink.stdout()).toContain("webhook-signature");
  expect(sink.stdout()).toContain("database is down");

  const { api_key: key, tenant_id: tenant } = await service.credentials();
  const env = { JITSUDO_API_KEY: key, JITSUDO_TENANT_ID: tenant };
  const states = async () => {
    const { deliveries } = JSON.parse((await runBash(list, env)).stdout) as {
      deliveries: { state: string }[];
    };
    return deliveries.map(({ state }) => state).sort();
  };
  const three = (state: string) => [state, state, state];
  await until(async () => JSON.stringify(await states()) === JSON.stringify(three("delivered")));
  await runBash(send, env);
  const both = [...three("deduplicated"), ...three("delivered")];
  await until(async () => JSON.stringify(await states()) === JSON.stringify(both));
}, 120_000);

/** The commands with this run's ports and folders in place of the fixed ones. */
function here(commands: string): string {
  const httpPort = /HTTP: http:\/\/127\.0\.0\.1:(\d+)/.exec(sink.stdout())?.[1];
  const smtpPort = /SMTP: 127\.0\.0\.1:(\d+)/.exec(sink.stdout())?.[1];
  return commands
    .replaceAll("127.0.0.1:8080", service.address)
    .replaceAll(":8090", `:${httpPort}`)
    .replaceAll("2525", String(smtpPort))
    .replaceAll("./data/", `${home.dataDir}/`)
    .replaceAll("trial", `${home.dataDir}/trial`)
    .replaceAll("apply -f", `apply --url ${service.url} -f`);
}
