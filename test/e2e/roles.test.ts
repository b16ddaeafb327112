import { randomBytes } from "node:crypto";
import { afterAll, beforeAll, expect, test, vi } from "vitest";
import { type HttpSink, startHttpSink } from "../sinks/http-sink.ts";
import { type Service, startService } from "../support/service.ts";
import { until } from "../support/until.ts";
import { createApi } from "./api.ts";
import { quick } from "./deployment.ts";
import { type Home, makeHome } from "./home.ts";
import { openOperator } from "./operator.ts";

// API and workers as processes of their own that share one PostgreSQL and one Redis.

// Each test starts services.
vi.setConfig({ testTimeout: 180_000 });

const encryptionKey = randomBytes(32).toString("base64");

let home: Home;
let sink: HttpSink;
const services: Service[] = [];

beforeAll(async () => {
  home = await makeHome("PostgreSQL and Redis");
  sink = await startHttpSink();
});

afterAll(async () => {
  for (const service of services) await service.close();
  await sink.close();
  home.remove();
});

/** Each with a data folder of its own, as on machines of their own. */
async function start(role: "api" | "worker", env: Record<string, string> = {}): Promise<Service> {
  const { JITSUDO_DATA_DIR: _, ...shared } = home.env;
  const service = await startService({
    env: { ...quick, ...shared, JITSUDO_ROLE: role, JITSUDO_ENCRYPTION_KEYS: encryptionKey, ...env },
  });
  services.push(service);
  return service;
}

async function newTenant(...urls: string[]) {
  const operator = await openOperator(home);
  const name = randomBytes(8).toString("hex");
  const { id } = await operator.run("tenants create", { name });
  const { api_key } = await operator.run("keys create", { name, tenant: id });
  await operator.close();
  return { id, apis: urls.map((url) => createApi(url, api_key, id)) };
}

test("an API takes events, workers deliver them, each does its own part alone", async () => {
  const [api, otherApi] = await Promise.all([start("api"), start("api")]);
  const { id, apis } = await newTenant(api.url, otherApi.url);
  const [first, second] = apis;
  if (!first || !second) throw new Error("Two were asked for");
  await first.createWebhook(`${sink.url}/${id}`);
  const early = await first.ingest({ type: "grant.active", request_id: "early" });
  expect(early.deliveries).toBe(1);
  // Nobody delivers yet; whichever API is asked says so.
  expect(await second.deliveries()).toMatchObject([{ state: "pending", attempt_count: 0 }]);
  expect(sink.to(`/${id}`)).toEqual([]);

  const worker = await start("worker");
  expect(await second.settled(early.id)).toMatchObject([{ state: "delivered" }]);

  // A worker tells of its health and answers no call.
  expect(await (await fetch(`${worker.url}/readyz`)).json()).toEqual({ status: "ok" });
  expect((await fetch(`${worker.url}/v1/events`, { method: "POST" })).status).toBe(404);
  expect(await (await fetch(`${worker.url}/metrics`)).text()).toContain("jitsudo_delivery_attempts_total");
});

test("workers share the work, and one that is killed is taken over from", async () => {
  const [api] = services;
  const env = { JITSUDO_LEASE_MS: "2000", JITSUDO_CHANNEL_CONCURRENCY: "4" };
  const doomed = await start("worker", env);
  await start("worker", env);
  const { id, apis } = await newTenant(api?.url ?? "");
  const [client] = apis;
  if (!client) throw new Error("One was asked for");
  sink.respond(`/${id}`, { delayMs: 20 });
  await client.createWebhook(`${sink.url}/${id}`);
  const events = Array.from({ length: 400 }, (_, number) => ({
    type: "grant.active",
    request_id: `${number}`,
  }));
  await client.send("POST", "/v1/events:batch", { events });

  await until(() => sink.to(`/${id}`).length > 100);
  expect(
    await metric(
      doomed,
      'jitsudo_delivery_attempts_total{channel_type="generic_webhook",outcome="delivered"}',
    ),
  ).toBeGreaterThan(0);
  await doomed.kill();
  await until(async () => (await client.deliveries({ state: "delivered" })).length === 400, {
    timeoutMs: 30_000,
    intervalMs: 100,
  });
  const ids = sink.to(`/${id}`).map(({ headers }) => headers["webhook-id"]);
  expect(new Set(ids).size).toBe(400);
  // Only what the killed one had under way was sent again.
  expect(ids.length - 400).toBeLessThanOrEqual(32);
});

test("a change by one process reaches the workers", async () => {
  const [api, otherApi] = services;
  const { id, apis } = await newTenant(api?.url ?? "", otherApi?.url ?? "");
  const [first, second] = apis;
  const channel = await first?.createWebhook(`${sink.url}/${id}/old`);
  expect(await first?.deliverOne({ type: "grant.active", request_id: "1" })).toMatchObject({
    state: "delivered",
  });
  await second?.updateChannel(channel?.id ?? "", { config: { url: `${sink.url}/${id}/new` } });
  expect(await first?.deliverOne({ type: "grant.active", request_id: "2" })).toMatchObject({
    state: "delivered",
  });
  expect(sink.to(`/${id}/old`)).toHaveLength(1);
  expect(sink.to(`/${id}/new`)).toHaveLength(1);
});

async function metric({ url }: Service, name: string): Promise<number> {
  const text = await (await fetch(`${url}/metrics`)).text();
  const line = text.split("\n").find((candidate) => candidate.startsWith(`${name} `));
  return Number(line?.slice(name.length) ?? 0);
}
