import { cp } from "node:fs/promises";
import { join, resolve } from "node:path";
import { afterAll, beforeAll, expect, test, vi } from "vitest";
import { createNotificationsClient } from "../src/clients/connect.ts";
import { eventTypes } from "../src/events.ts";
import { startTestService, type TestService } from "../src/testing/testing.ts";
import { type Child, report, startChild } from "./support/child.ts";
import { type InstalledPackage, installPackage } from "./support/installed-package.ts";
import { freePort } from "./support/ports.ts";
import { until } from "./support/until.ts";

// The three examples together, in a project that has the package as it would be published.

vi.setConfig({ testTimeout: 180_000, hookTimeout: 300_000 });

const closers: (() => unknown)[] = [];
let installed: InstalledPackage;
let service: TestService;

beforeAll(async () => {
  installed = await installPackage();
  closers.push(installed.remove);
  await cp(resolve(import.meta.dirname, "../examples"), join(installed.folder, "examples"), {
    recursive: true,
  });
  service = await startTestService();
  closers.push(service.close);
});

afterAll(async () => {
  for (const close of closers.splice(0).reverse()) await close();
});

async function start(example: string, env: Record<string, string>): Promise<Child> {
  const child = await startChild(process.execPath, [`examples/${example}/main.ts`], {
    cwd: installed.folder,
    env: { PATH: process.env.PATH, PORT: "0", ...env },
  });
  closers.push(child.kill);
  return child;
}

/** Where a receiver listens, once it does. */
async function urlOf(child: Child): Promise<string> {
  const port = () => /listening on .*port: (\d+)/.exec(child.stdout())?.[1];
  await until(() => !child.running() || port(), { timeoutMs: 60_000 });
  if (!port()) throw new Error(report(child));
  return `http://127.0.0.1:${port()}`;
}

test("the nine events go from the access service to both receivers, signed and as Slack takes them", async () => {
  const mains = ["access-service", "webhook-receiver", "slack-receiver"].map(
    (name) => `examples/${name}/main.ts`,
  );
  await installed.tsc(...mains);

  const { channels, deliveries, close } = createNotificationsClient(service);
  closers.push(close);
  const slack = await start("slack-receiver", {});
  await channels.createSlackWebhookChannel({
    name: "slack",
    webhookUrl: `${await urlOf(slack)}/services/T/B/x`,
  });

  const port = `${await freePort()}`;
  const url = `http://127.0.0.1:${port}/`;
  const generated = { name: "webhook", url, generateSigningSecret: "symmetric" };
  const { signing } = await channels.createGenericWebhookChannel(generated);
  const webhook = await start("webhook-receiver", { PORT: port, WEBHOOK_SECRET: signing?.newSecret ?? "" });
  await urlOf(webhook);

  const access = await start("access-service", {
    NOTIFICATIONS_URL: service.baseUrl,
    JITSUDO_API_KEY: service.apiKey,
    JITSUDO_TENANT_ID: service.tenantId,
  });
  expect(await access.waitForExit(60_000), report(access)).toBe(0);
  const sent = [...access.stdout().matchAll(/^(\S+) is event \S+, with 2 deliveries$/gm)].map(
    ([, type]) => type,
  );
  expect(sent.sort()).toEqual([...eventTypes].sort());

  await until(
    async () => (await deliveries.listDeliveries({ state: "delivered" })).deliveries.length === 18,
    {
      timeoutMs: 60_000,
    },
  );
  // What a program prints arrives a moment after what it answers.
  for (const type of eventTypes) await until(() => webhook.stdout().includes(` ${type}: `));
  await until(() => webhook.stdout().includes("paging the person on call about req-"));
  await until(() => slack.stdout().includes("Break-glass access used: ben@example.com used break-glass"));
  await until(() => [...slack.stdout().matchAll(/^\S+ .*: /gm)].length >= 9);
  expect(webhook.stderr() + slack.stderr()).toBe("");

  // Neither takes what is not genuine.
  expect((await fetch(url, { method: "POST", body: "{}" })).status).toBe(401);
  await until(() => webhook.stderr().includes("refused: missing_header"));
  const forged = await fetch(await urlOf(slack), { method: "POST", body: '{"text":"hello","nonsense":1}' });
  expect([forged.status, await forged.text()]).toEqual([400, "invalid_payload"]);
});
