import { randomUUID } from "node:crypto";
import { afterEach, beforeEach, expect, inject, test } from "vitest";
import { type HttpSink, startHttpSink } from "../sinks/http-sink.ts";
import { createDatabase } from "../support/postgres.ts";
import type { Service } from "../support/service.ts";
import { until } from "../support/until.ts";
import { type Cluster, startCluster } from "./support/cluster.ts";
import type { Tenant } from "./support/tenant.ts";

// SIGTERM: nothing more is claimed, what is under way is finished or handed back.

const graceMs = 5_000;
/** Writes and the closing of connections come after the time of grace. */
const closingMs = 5_000;

let sink: HttpSink;
let cluster: Cluster;
let tenant: Tenant;
let worker: Service;

beforeEach(async () => {
  sink = await startHttpSink();
  cluster = await startCluster({
    databaseUrl: await createDatabase(inject("postgresUrl")),
    // Nothing is taken over meanwhile: what others get was handed to them.
    env: {
      JITSUDO_LEASE_MS: "60000",
      JITSUDO_SHUTDOWN_GRACE_MS: String(graceMs),
      JITSUDO_ATTEMPT_TIMEOUT_MS: "30000",
    },
  });
  tenant = await cluster.tenant(await cluster.start("api"));
  worker = await cluster.start("all", { JITSUDO_CHANNEL_CONCURRENCY: "2" });
});

afterEach(async () => {
  await cluster.close();
  await sink.close();
});

const many = (count: number) =>
  Array.from({ length: count }, () => ({ type: "grant.active", grant_id: randomUUID() }));

async function stopped(): Promise<{ end: unknown; tookMs: number }> {
  const startedAt = performance.now();
  const end = await worker.stop();
  return { end, tookMs: performance.now() - startedAt };
}

test("what is under way is finished, what waits stays for others", async () => {
  sink.respond("/hook", { delayMs: 700 });
  await tenant.webhook(`${sink.url}/hook`);
  const eventIds = await tenant.sendAll(many(10));
  await sink.waitFor(2);
  const { end, tookMs } = await stopped();
  expect(end).toBe(0);
  expect(tookMs).toBeLessThan(graceMs);
  expect(sink.requests).toHaveLength(2);

  sink.respond("/hook", {});
  await cluster.start("worker");
  const deliveries = (await Promise.all(eventIds.map((id) => tenant.ended(id)))).flat();
  expect(deliveries.map(({ state, attempt_count }) => [state, attempt_count])).toEqual(
    eventIds.map(() => ["delivered", 1]),
  );
  expect(sink.requests).toHaveLength(10);
});

test("what hangs is broken off after the time of grace and handed back at once", async () => {
  sink.respond("/hook", ["hang", "hang", {}]);
  const channelId = await tenant.webhook(`${sink.url}/hook`);
  const eventIds = await tenant.sendAll(many(4));
  await sink.waitFor(2);
  const { end, tookMs } = await stopped();
  expect(end).toBe(0);
  expect(tookMs).toBeGreaterThan(graceMs - 100);
  expect(tookMs).toBeLessThan(graceMs + closingMs);

  await cluster.start("worker");
  const deliveries = (await Promise.all(eventIds.map((id) => tenant.ended(id)))).flat();
  expect(deliveries.map(({ state }) => state)).toEqual(eventIds.map(() => "delivered"));
  expect(deliveries.map(({ attempt_count }) => attempt_count).sort()).toEqual([1, 1, 2, 2]);
  // That the process stopped says nothing about the endpoint.
  expect((await tenant.channel(channelId)).health).toMatchObject({ state: "healthy", last_error: "" });
});

test("what waits for its next attempt, or for its rate, is handed back at once", async () => {
  sink.respond("/busy", [{ status: 500 }, {}]);
  await tenant.webhook(`${sink.url}/busy`, { event_filters: ["grant.active"] });
  await tenant.slack(`${sink.url}/slack`, { event_filters: ["grant.revoked"] });
  await worker.stop();
  worker = await cluster.start("worker", { JITSUDO_BACKOFF_BASE_MS: "10000" });
  const waiting = await tenant.send({ type: "grant.active" });
  const rated = await tenant.sendAll([1, 2, 3].map((n) => ({ type: "grant.revoked", grant_id: `g${n}` })));
  await sink.waitFor(2);
  await until(async () => {
    const [row] = await cluster.sql<{ held: number }>(
      "select count(*)::int as held from delivery_queue where lease_token is not null",
    );
    return row?.held === 2;
  });
  const { end, tookMs } = await stopped();
  expect(end).toBe(0);
  expect(tookMs).toBeLessThan(graceMs);
  const rows = await cluster.sql<{ attempts: number; held: boolean }>(
    "select attempts, lease_token is not null as held from delivery_queue order by attempts desc",
  );
  expect(rows[0]).toEqual({ attempts: 1, held: false });
  expect(rows.slice(1).every(({ attempts, held }) => attempts === 0 && !held)).toBe(true);

  await cluster.start("worker");
  for (const id of [waiting, ...rated]) {
    expect(await tenant.ended(id)).toMatchObject([{ state: "delivered" }]);
  }
});

test("retries that wait for their rate hold up no stop, however many", async () => {
  sink.respond("/slack", { status: 500 });
  await tenant.slack(`${sink.url}/slack`);
  await worker.stop();
  worker = await cluster.start("worker", { JITSUDO_SLACK_PER_SECOND: "2", JITSUDO_BACKOFF_BASE_MS: "2000" });
  const eventIds = await tenant.sendAll(many(30));
  // By then what failed comes back as fast as it may go out, and what is new adds to it.
  await sink.waitFor(14);
  const { end, tookMs } = await stopped();
  expect(end).toBe(0);
  expect(tookMs).toBeLessThan(graceMs);
  const held = await cluster.sql("select from delivery_queue where lease_token is not null");
  expect(held).toEqual([]);

  sink.respond("/slack", {});
  const failed = sink.requests.length;
  await cluster.start("worker", { JITSUDO_SLACK_PER_SECOND: "100" });
  const deliveries = (await Promise.all(eventIds.map((id) => tenant.ended(id)))).flat();
  const attempts = deliveries.reduce((sum, { attempt_count }) => sum + attempt_count, 0);
  expect(deliveries.map(({ state }) => state)).toEqual(eventIds.map(() => "delivered"));
  expect(attempts).toBe(failed + eventIds.length);
});

test("two signals in the same moment, as Ctrl-C gives to what npm runs, are one", async () => {
  sink.respond("/hook", { delayMs: 500 });
  await tenant.webhook(`${sink.url}/hook`);
  const eventId = await tenant.send();
  await sink.waitFor(1);
  const first = worker.stop("SIGINT");
  await until(() => worker.stderr().includes('"stopping"'));
  expect(await worker.stop("SIGINT")).toBe(0);
  await first;
  expect(await tenant.ended(eventId)).toMatchObject([{ state: "delivered", attempt_count: 1 }]);
});

test("a signal a second later ends it at once, and nothing is lost", async () => {
  await worker.stop();
  worker = await cluster.start("worker", { JITSUDO_SHUTDOWN_GRACE_MS: "30000", JITSUDO_LEASE_MS: "1500" });
  sink.respond("/hook", ["hang", {}]);
  await tenant.webhook(`${sink.url}/hook`);
  const eventId = await tenant.send();
  await sink.waitFor(1);
  const startedAt = performance.now();
  const end = worker.stop();
  await until(() => {
    worker.signal("SIGTERM");
    return !worker.running();
  });
  expect(await end).toBe(1);
  // Long before the time of grace is over.
  expect(performance.now() - startedAt).toBeLessThan(15_000);
  await cluster.start("worker", { JITSUDO_LEASE_MS: "1500" });
  expect(await tenant.ended(eventId)).toMatchObject([{ state: "delivered", attempt_count: 2 }]);
});
