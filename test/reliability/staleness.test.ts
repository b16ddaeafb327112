import { afterEach, beforeEach, expect, inject, test } from "vitest";
import { type HttpSink, startHttpSink } from "../sinks/http-sink.ts";
import { createDatabase } from "../support/postgres.ts";
import type { Service } from "../support/service.ts";
import { until } from "../support/until.ts";
import { type Cluster, startCluster } from "./support/cluster.ts";
import { preload } from "./support/preload.ts";
import { lockTable, untilLocked } from "./support/table-locks.ts";
import type { Tenant } from "./support/tenant.ts";

// A notice that came too late to be of use is not sent.

let sink: HttpSink;
let databaseUrl: string;
let cluster: Cluster;
let api: Service;
let tenant: Tenant;

beforeEach(async () => {
  sink = await startHttpSink();
  databaseUrl = await createDatabase(inject("postgresUrl"));
  cluster = await startCluster({ databaseUrl });
  api = await cluster.start("api", { JITSUDO_MAX_AGE_SECONDS: "request.pending=1,grant.active=3600" });
  tenant = await cluster.tenant(api);
});

afterEach(async () => {
  await cluster.close();
  await sink.close();
});

const inMs = (ms: number) => new Date(Date.now() + ms).toISOString();

test("what waited past its time ends as expired, by each of the three rules, and is not sent", async () => {
  await tenant.webhook(`${sink.url}/hook`);
  const stale = await tenant.sendAll([
    { type: "grant.expiring_soon", expires_at: inMs(500) },
    { type: "grant.revoked", deliver_before: inMs(500) },
    { type: "request.pending" },
    { type: "request.break_glass", deliver_before: inMs(500) },
  ]);
  const good = await tenant.sendAll([
    { type: "grant.expiring_soon", expires_at: inMs(60_000) },
    { type: "grant.expiring_soon", expires_at: inMs(500), deliver_before: inMs(60_000) },
    { type: "grant.active", expires_at: inMs(500) },
    { type: "request.denied" },
  ]);
  const [row] = await cluster.sql<{ at: string }>(
    "select max(expires_at) filter (where expires_at < now() + interval '5 s') as at from delivery_queue",
  );
  await until(() => Date.now() > new Date(row?.at ?? 0).getTime());

  await cluster.start("worker");
  const statesOf = async (ids: string[]) =>
    (await Promise.all(ids.map((id) => tenant.ended(id))))
      .flat()
      .map(({ state, attempt_count }) => [state, attempt_count]);
  expect(await statesOf(good)).toEqual(good.map(() => ["delivered", 1]));
  expect(await statesOf(stale)).toEqual(stale.map(() => ["expired", 0]));
  expect(sink.requests).toHaveLength(good.length);
});

test("what becomes useless between two attempts is not attempted again", async () => {
  await cluster.start("worker", { JITSUDO_BACKOFF_BASE_MS: "2000" });
  sink.respond("/hook", { status: 500 });
  await tenant.webhook(`${sink.url}/hook`);
  const [delivery] = await tenant.ended(
    await tenant.send({ type: "grant.revoked", deliver_before: inMs(1000) }),
  );
  expect(delivery).toMatchObject({ state: "expired", attempt_count: 1, last_error: "HTTP 500" });
  expect(sink.requests).toHaveLength(1);
});

test("what becomes useless while it is looked for duplicates is not sent", async () => {
  await cluster.start("worker");
  await tenant.webhook(`${sink.url}/hook`);
  const release = await lockTable(databaseUrl, "dedup_key");
  const deadline = Date.now() + 2_000;
  const id = await tenant.send({ type: "grant.revoked", deliver_before: new Date(deadline).toISOString() });
  await untilLocked(cluster, { query: "%dedup_key%" });
  await until(() => Date.now() > deadline);
  await release();
  expect(await tenant.ended(id)).toMatchObject([{ state: "expired", attempt_count: 0 }]);
  expect(sink.requests).toHaveLength(0);
});

test("no notice expires by a clock that is wrong", async () => {
  const wrongClock = (hours: number) => ({
    ...preload("wrong-clock"),
    CLOCK_OFFSET_MS: String(hours * 3_600_000),
  });
  await tenant.webhook(`${sink.url}/hook`);
  const late = await cluster.start("api", {
    ...wrongClock(-3),
    JITSUDO_MAX_AGE_SECONDS: "grant.active=3600",
  });
  const ids = [
    await tenant.at(late.url).send({ type: "grant.active" }),
    await tenant.send({ type: "request.break_glass", deliver_before: inMs(60_000) }),
  ];
  await cluster.start("worker", wrongClock(3));
  // This one hands its own events over.
  const early = await cluster.start("all", wrongClock(3));
  ids.push(await tenant.at(early.url).send({ type: "grant.revoked", deliver_before: inMs(60_000) }));
  for (const id of ids) expect(await tenant.ended(id)).toMatchObject([{ state: "delivered" }]);
});

test("what is useless already on arrival is stored and ends as expired", async () => {
  await cluster.start("worker");
  await tenant.webhook(`${sink.url}/hook`);
  const [delivery] = await tenant.ended(
    await tenant.send({ type: "grant.expiring_soon", expires_at: inMs(-1000) }),
  );
  expect(delivery).toMatchObject({ state: "expired", attempt_count: 0 });
  expect(sink.requests).toHaveLength(0);
});
