import { readdirSync } from "node:fs";
import { join } from "node:path";
import { afterAll, beforeAll, expect, test, vi } from "vitest";
import { createNotificationsClient, grantActive, type NotificationsClient } from "../src/clients/connect.ts";
import * as web from "../src/clients/web.ts";
import {
  startTestService,
  startWebhookSink,
  type TestService,
  type WebhookSink,
} from "../src/testing/testing.ts";
import { verifyWebhook, WebhookError } from "../src/webhooks/verify-webhook.ts";
import { report, startChild } from "./support/child.ts";
import { makeTempDir, removeDir } from "./support/temp-dir.ts";
import { until } from "./support/until.ts";

// What users' tests are given, used as they use it.

// The first start of an embedded database takes its time.
vi.setConfig({ testTimeout: 180_000 });

let service: TestService;
let client: NotificationsClient;
let sink: WebhookSink;

beforeAll(async () => {
  // What is set for a service of one's own does not reach the test's.
  process.env.JITSUDO_NONSENSE = "1";
  service = await startTestService().finally(() => delete process.env.JITSUDO_NONSENSE);
  client = createNotificationsClient(service);
  sink = await startWebhookSink();
});

afterAll(async () => {
  client?.close();
  await sink?.close();
  await service?.close();
});

const event = (grantId: string) => grantActive({ grantId, requester: "ada@example.com" });

test.each([
  ["symmetric", "standard"],
  ["symmetric", "cloudevents_structured"],
  ["ed25519", "cloudevents_binary"],
])("a notice that the service signed (%s, %s) arrives and is verified", async (type, format) => {
  const url = `${sink.url}/${format}`;
  const channel = await client.channels.createGenericWebhookChannel({
    name: format,
    url,
    format,
    generateSigningSecret: type,
  });
  const secret = channel.signing?.newSecret || channel.signing?.keys[0]?.publicKey || "";
  const { id } = await client.events.ingestEvent(event(`grant-${format}`));
  const request = await sink.waitFor(({ path, notice }) => path === `/${format}` && notice?.id === id);
  expect(verifyWebhook({ ...request, secret })).toEqual(request.notice);
  expect(request.notice).toMatchObject({ type: "grant.active", data: { grant_id: `grant-${format}` } });
  expect(() => verifyWebhook({ ...request, body: `${request.body} `, secret })).toThrow(WebhookError);
  await client.channels.deleteChannel({ id: channel.id });
});

test("a failed send is tried again soon", async () => {
  const channel = await client.channels.createGenericWebhookChannel({
    name: "failing",
    url: `${sink.url}/failing`,
  });
  sink.respondWith(503);
  const { id } = await client.events.ingestEvent(event("grant-failing"));
  await sink.waitFor(({ notice }) => notice?.id === id);
  sink.respondWith(200);
  await until(async () => {
    const [delivery] = (await client.deliveries.listDeliveries({ eventId: id })).deliveries;
    return delivery?.state === "delivered";
  });
  await client.channels.deleteChannel({ id: channel.id });
});

test("waitFor says what came instead", async () => {
  const own = await startWebhookSink();
  await expect(own.waitFor(() => true, 10)).rejects.toThrow("Received: nothing");
  await fetch(`${own.url}/slack?a=1`, { method: "POST", body: '{"text":"hello"}' });
  await expect(own.waitFor(({ path }) => path === "/other", 10)).rejects.toThrow("POST /slack (no notice)");
  expect(await own.waitFor(({ path }) => path === "/slack")).toMatchObject({ notice: undefined });
  await own.close();
});

test("what a matcher throws rejects waitFor, whether the request is there or still to come", async () => {
  const own = await startWebhookSink();
  // A Slack message has no notice.
  const careless = () => own.waitFor(({ notice }) => (notice as { type: string }).type === "grant.active");
  const early = careless();
  const [response] = await Promise.all([
    fetch(own.url, { method: "POST", body: '{"text":"hello"}' }),
    expect(early).rejects.toThrow(TypeError),
  ]);
  expect(response.status).toBe(200);
  await expect(careless()).rejects.toThrow(TypeError);
  await own.close();
});

test("the client on fetch calls every service", async () => {
  const { channels, events, deliveries, replays, statistics, tenantSettings, audit } =
    web.createNotificationsClient(service);
  const channel = await channels.createGenericWebhookChannel({ name: "web", url: `${sink.url}/web` });
  const { id } = await events.ingestEvent(event("grant-web"));
  await sink.waitFor(({ notice }) => notice?.id === id);
  expect((await deliveries.listDeliveries({ eventId: id })).deliveries).toHaveLength(1);
  expect((await replays.listReplays({})).replays).toEqual([]);
  expect((await statistics.getDeliveryStatistics({})).$typeName).toMatch(/Statistics/);
  expect((await tenantSettings.getTenantSettings({})).$typeName).toMatch(/TenantSettings/);
  expect((await audit.listAuditEvents({})).auditEvents.length).toBeGreaterThan(0);
  for await (const { cursor } of deliveries.watchDeliveries({})) {
    expect(cursor).not.toBe("");
    break;
  }
  const error = await channels.getChannel({ id: "nonsense" }).catch((reason: unknown) => reason);
  expect(web.errorDetailOf(error)).toMatchObject({ code: "invalid_argument", fields: [{ field: "id" }] });
  await channels.deleteChannel({ id: channel.id });
});

test("leaving the loop over a watch ends the call, for as many loops as one likes, and then the process", async () => {
  const clientFile = (name: string) => JSON.stringify(join(import.meta.dirname, `../src/clients/${name}.ts`));
  const script = `
    const node = await import(${clientFile("connect")});
    const web = await import(${clientFile("web")});
    const caller = ${JSON.stringify({ ...service })};
    const clients = [
      node.createNotificationsClient(caller),
      node.createNotificationsClient({ ...caller, protocol: "connect" }),
      web.createNotificationsClient(caller),
    ];
    for (const { deliveries } of clients) {
      // One connection takes 256 streams at a time.
      for (let loop = 0; loop < 260; loop++) for await (const _ of deliveries.watchDeliveries({})) break;
      await deliveries.listDeliveries({});
    }
    console.log("listed");`;
  const child = await startChild(process.execPath, ["--input-type=module", "--eval", script]);
  expect({ exit: await child.waitForExit(60_000), stdout: child.stdout(), stderr: child.stderr() }).toEqual({
    exit: 0,
    stdout: "listed\n",
    stderr: "",
  });
});

test("a service that cannot start says why", async () => {
  await expect(startTestService({ settings: { JITSUDO_ROLE: "chef" } })).rejects.toThrow("JITSUDO_ROLE");
});

test("the service ends with the process that started it, even a killed one, and leaves no data", async () => {
  const folder = await makeTempDir();
  const script = `
    const { startTestService } = await import(${JSON.stringify(join(import.meta.dirname, "../src/testing/testing.ts"))});
    const { baseUrl } = await startTestService();
    console.log("url " + baseUrl);
    setInterval(() => {}, 1000);`;
  const args = ["--input-type=module", "--eval", script];
  const child = await startChild(process.execPath, args, { env: { ...process.env, TMPDIR: folder } });
  const readyUrl = () => /url (\S+)/.exec(child.stdout())?.[1];
  await until(() => !child.running() || readyUrl(), { timeoutMs: 90_000 });
  const url = readyUrl();
  if (!url) throw new Error(report(child));
  expect((await fetch(`${url}/healthz`)).status).toBe(200);
  await child.kill();
  await until(async () => (await fetch(`${url}/healthz`).catch(() => undefined)) === undefined);
  await until(() => readdirSync(folder).length === 0);
  removeDir(folder);
});
