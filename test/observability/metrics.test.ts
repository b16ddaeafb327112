import { setTimeout as sleep } from "node:timers/promises";
import { afterAll, beforeAll, expect, test } from "vitest";
import { createNotificationsClient } from "../../src/clients/connect.ts";
import { type Deployment, deploy, type Tenant } from "../e2e/deployment.ts";
import { type HttpSink, startHttpSink } from "../sinks/http-sink.ts";
import { startPostgres } from "../support/postgres.ts";
import { startService } from "../support/service.ts";
import { until } from "../support/until.ts";
import { promtool } from "./promtool.ts";
import { scrape, sumOf, valuesOf } from "./scrape.ts";

let deployment: Deployment;
let tenant: Tenant;
let sink: HttpSink;

beforeAll(async () => {
  sink = await startHttpSink();
  deployment = await deploy("PostgreSQL and Redis", { JITSUDO_BREAKER_FAILURES: "3" });
  tenant = await deployment.newTenant();
});

afterAll(async () => {
  await deployment.close();
  await sink.close();
});

const metrics = () => scrape(deployment.service);

test("counts calls by method, protocol and code", async () => {
  const { api, apiKey, id: tenantId } = tenant;
  await api.send("GET", "/v1/tenant-settings");
  await api.send("GET", "/v1/tenant-settings", undefined, { "X-API-Key": "wrong" });
  await api.send("GET", "/v1/tenant-settings", undefined, { "X-Tenant-ID": crypto.randomUUID() });
  await api.send("GET", "/nowhere/at/all");
  const client = createNotificationsClient({ baseUrl: deployment.service.url, apiKey, tenantId });
  await client.channels.listChannels({});

  const rpc = { method: "NotificationChannelService.ListChannels", code: "ok" };
  const text = await until(async () => {
    const text = await metrics();
    return sumOf(text, "jitsudo_calls_total", rpc) === 1 ? text : undefined;
  });
  const route = { method: "GET /v1/tenant-settings", protocol: "rest" };
  expect(valuesOf(text, "jitsudo_calls_total", { ...route, code: "ok" })).toEqual([1]);
  expect(valuesOf(text, "jitsudo_calls_total", { ...route, code: "unauthenticated" })).toEqual([1]);
  expect(valuesOf(text, "jitsudo_calls_total", { ...route, code: "tenant_mismatch" })).toEqual([1]);
  expect(valuesOf(text, "jitsudo_call_seconds_count", route)).toEqual([3]);
  expect(valuesOf(text, "jitsudo_calls_total", { method: "not_found", code: "not_found" })).toEqual([1]);
  expect(valuesOf(text, "jitsudo_calls_refused_total", { reason: "unknown_key" })).toEqual([1]);
  expect(valuesOf(text, "jitsudo_calls_refused_total", { reason: "tenant_mismatch" })).toEqual([1]);
});

test("counts events, deliveries, attempts and breakers", async () => {
  const { api } = tenant;
  sink.respond("/fails", { status: 500 });
  await api.createWebhook(`${sink.url}/hook`, { event_filters: ["request.break_glass"] });
  await api.createWebhook(`${sink.url}/fails`, { event_filters: ["grant.revoked"] });
  const { id } = await api.ingest({ type: "request.break_glass", request_id: "metrics-1" });
  await api.settled(id);
  await api.settled((await api.ingest({ type: "request.break_glass", request_id: "metrics-1" })).id);
  await api.settled((await api.ingest({ type: "grant.revoked", request_id: "metrics-2" })).id);
  await api.send("POST", "/v1/events:batch", {
    events: [{ type: "grant.active" }, { type: "no such type" }],
  });

  const text = await metrics();
  const webhook = { channel_type: "generic_webhook" };
  const ingested = { event_type: "request.break_glass", protocol: "rest" };
  expect(valuesOf(text, "jitsudo_events_ingested_total", ingested)).toEqual([2]);
  expect(valuesOf(text, "jitsudo_events_rejected_total", { code: "invalid_argument" })).toEqual([1]);
  expect(valuesOf(text, "jitsudo_deliveries_completed_total", { ...webhook, state: "delivered" })).toEqual([
    1,
  ]);
  expect(valuesOf(text, "jitsudo_deliveries_completed_total", { ...webhook, state: "deduplicated" })).toEqual(
    [1],
  );
  expect(valuesOf(text, "jitsudo_deliveries_completed_total", { ...webhook, state: "failed" })).toEqual([1]);
  expect(valuesOf(text, "jitsudo_delivery_attempts_total", { ...webhook, outcome: "retry" })).toEqual([3]);
  expect(valuesOf(text, "jitsudo_delivery_attempt_seconds_count", webhook)).toEqual([4]);
  expect(valuesOf(text, "jitsudo_delivery_seconds_count", { ...webhook, priority: "urgent" })).toEqual([1]);
  expect(sumOf(text, "jitsudo_batch_size_count", { batch: "ingest" })).toBeGreaterThan(0);
  expect(sumOf(text, "jitsudo_batch_size_count", { batch: "settle" })).toBeGreaterThan(0);
  expect(sumOf(text, "jitsudo_database_connections", { state: "idle" })).toBeGreaterThan(0);
  // The sample of the scrape before may still serve.
  await until(async () => valuesOf(await metrics(), "jitsudo_breakers_open", webhook)[0] === 1);
});

test("counts what alerts look for from zero, so that they see the first", async () => {
  const text = await metrics();
  for (const state of ["failed", "expired"]) {
    const email = { channel_type: "email", state };
    expect(valuesOf(text, "jitsudo_deliveries_completed_total", email)).toEqual([0]);
    expect(valuesOf(text, "jitsudo_break_glass_unsent_total", { state })).toEqual([0]);
  }
  expect(valuesOf(text, "jitsudo_events_unheard_total", { event_type: "request.break_glass" })).toEqual([0]);
});

test("tells a break-glass notice that failed, or that no channel wants, from others", async () => {
  const { api } = await deployment.newTenant();
  const unheard = { event_type: "request.break_glass" };
  const count = async () => {
    const text = await metrics();
    return [
      valuesOf(text, "jitsudo_events_unheard_total", unheard)[0],
      valuesOf(text, "jitsudo_break_glass_unsent_total", { state: "failed" })[0],
    ];
  };
  const [unheardBefore = 0, failedBefore = 0] = await count();
  expect(await api.ingest({ type: "request.break_glass" })).toMatchObject({ deliveries: 0 });
  expect(await count()).toEqual([unheardBefore + 1, failedBefore]);
  sink.respond("/refuses", { status: 410 });
  await api.createWebhook(`${sink.url}/refuses`);
  await api.deliverOne({ type: "request.break_glass", request_id: "metrics-3" });
  await until(async () => (await count())[1] === failedBefore + 1);
});

test("tells nothing of tenants, and is well-formed", async () => {
  const text = await metrics();
  const { api, id, apiKey } = tenant;
  const { body } = await api.send<{ channels: { id: string; name: string }[] }>(
    "GET",
    "/v1/notification-channels",
  );
  for (const secret of [id, apiKey, sink.url, "metrics-1", ...body.channels.map((channel) => channel.id)]) {
    expect(text).not.toContain(secret);
  }
  // Node's own metrics, which prom-client names, are not ours to judge.
  const ours = text.split("\n").filter((line) => /^(# (HELP|TYPE) )?jitsudo_/.test(line));
  expect(await promtool(["check", "metrics"], `${ours.join("\n")}\n`)).toEqual({ ok: true, output: "" });
});

test("shows what waits, as long as nobody delivers", async () => {
  const apiOnly = await deploy("PostgreSQL and Redis", { JITSUDO_ROLE: "api" });
  try {
    const { api } = await apiOnly.newTenant();
    await api.createWebhook(`${sink.url}/waits`);
    for (const type of ["request.break_glass", "grant.active", "grant.expired"]) await api.ingest({ type });
    const text = await until(async () => {
      const text = await scrape(apiOnly.service);
      return sumOf(text, "jitsudo_queue_waiting") === 3 ? text : undefined;
    });
    expect(valuesOf(text, "jitsudo_queue_waiting", { priority: "urgent" })).toEqual([1]);
    expect(valuesOf(text, "jitsudo_queue_waiting", { priority: "normal" })).toEqual([2]);
    for (const age of valuesOf(text, "jitsudo_queue_oldest_due_seconds")) {
      expect(age).toBeGreaterThan(0);
      expect(age).toBeLessThan(30);
    }
  } finally {
    await apiOnly.close();
  }
});

test("a scrape's own queries are not among those that wait for a connection", async () => {
  const waiting: (number | undefined)[] = [];
  for (let scrapes = 0; scrapes < 3; scrapes++) {
    await sleep(5_100); // A sample serves for 5 s.
    waiting.push(...valuesOf(await metrics(), "jitsudo_database_connections", { state: "waiting" }));
  }
  // The worker's queries may be, by chance.
  expect(waiting).toContain(0);
});

test("what waits for an endpoint that is away is not overdue, not even while that is tried again", async () => {
  const trying = await deploy("PostgreSQL and Redis", {
    JITSUDO_BREAKER_FAILURES: "3",
    JITSUDO_BREAKER_OPEN_MS: "1",
    JITSUDO_BREAKER_MAX_OPEN_MS: "1",
  });
  try {
    const { api } = await trying.newTenant();
    sink.respond("/away", { status: 500, delayMs: 500 });
    await api.createWebhook(`${sink.url}/away`);
    const events = Array.from({ length: 300 }, () => ({ type: "grant.active" }));
    await api.send("POST", "/v1/events:batch", {
      events: events.map((event, n) => ({ ...event, grant_id: `g${n}` })),
    });
    await sink.waitFor(() => sink.to("/away").length > 35);
    for (let scrapes = 0; scrapes < 2; scrapes++) {
      await sleep(5_100); // A sample serves for 5 s.
      const text = await scrape(trying.service);
      expect(valuesOf(text, "jitsudo_queue_waiting", { priority: "normal" })[0]).toBeGreaterThan(10);
      expect(valuesOf(text, "jitsudo_queue_oldest_due_seconds", { priority: "normal" })).toEqual([0]);
    }
  } finally {
    await trying.close();
  }
});

test("a scrape is answered while the database is away, and says so", async () => {
  const postgres = await startPostgres();
  try {
    const service = await startService({ env: { DATABASE_URL: postgres.url } });
    try {
      expect(valuesOf(await scrape(service), "jitsudo_database_up")).toEqual([1]);
      await postgres.stop("immediate");
      await until(async () => valuesOf(await scrape(service), "jitsudo_database_up")[0] === 0);
      expect(valuesOf(await scrape(service), "jitsudo_queue_waiting")).toEqual([]);
    } finally {
      await service.close();
    }
  } finally {
    await postgres.close();
  }
});
