import { randomUUID } from "node:crypto";
import { Client } from "pg";
import { pino } from "pino";
import { afterEach, beforeEach, expect, inject, test } from "vitest";
import { type Database, openDatabase, type Statement } from "../../src/store/database.ts";
import { claim } from "../../src/store/delivery-queue.sql.ts";
import { createDeliveryQueue } from "../../src/store/delivery-queue.ts";
import { keptPlanSettings } from "../../src/store/kept-plans.ts";
import { queueStatus, readQueueStatus } from "../../src/store/queue-status.ts";
import { removeOld } from "../../src/store/retention.ts";
import { firstId } from "../../src/uuid-v7.ts";
import { type HttpSink, startHttpSink } from "../sinks/http-sink.ts";
import { createDatabase } from "../support/postgres.ts";
import { makeTempDir, removeDir } from "../support/temp-dir.ts";
import { until } from "../support/until.ts";
import { type Cluster, metric, startCluster } from "./support/cluster.ts";
import { type Explained, explainedPages } from "./support/explained-pages.ts";
import type { Tenant } from "./support/tenant.ts";

// A million deliveries wait: the next one is found as fast as ever, and a worker
// needs no more memory. What is old goes away without anybody waiting for it.

const rowsAtOnce = 50_000;

let sink: HttpSink;
let cluster: Cluster;
let tenant: Tenant;
let database: Database;
let databaseUrl: string;
let dataDir: string;

beforeEach(async () => {
  sink = await startHttpSink();
  databaseUrl = await createDatabase(inject("postgresUrl"));
  cluster = await startCluster({ databaseUrl });
  tenant = await cluster.tenant(await cluster.start("api"));
  dataDir = await makeTempDir();
  const log = pino({ level: "silent" });
  // With the settings of the service's own connections.
  database = await openDatabase({ databaseUrl, dataDir, poolSize: 2, requestTimeoutMs: 60_000, log });
});

afterEach(async () => {
  await database.close();
  removeDir(dataDir);
  await cluster.close();
  await sink.close();
});

/** Adds deliveries of the events to the channels in turn, each three about the same request. */
async function addWaiting(eventIds: string[], channelIds: string[], from: number, to: number): Promise<void> {
  for (let start = from; start < to; start += rowsAtOnce) {
    await cluster.sql(
      `with added as (
         select uuid_v7() as id, ($1::uuid[])[1 + n / $6::int % array_length($1::uuid[], 1)] as event_id,
           ($2::uuid[])[1 + n % $6::int] as channel_id, n
         from generate_series($3::int + 1, $4::int) as n
       ), recorded as (
         insert into delivery (id, tenant_id, event_id, channel_id, event_type, created_at)
         select id, $5, event_id, channel_id, 'grant.active', now() from added
       )
       insert into delivery_queue (delivery_id, tenant_id, channel_id, event_id, subject, urgent, not_before)
       select id, $5, channel_id, event_id, 'request-' || n / (3 * $6::int), false, now() from added order by n`,
      [eventIds, channelIds, start, Math.min(start + rowsAtOnce, to), tenant.id, channelIds.length],
    );
  }
}

/** Median time of one round of claiming, in milliseconds; what it took is handed back. */
async function claimTime(channelIds: string[]): Promise<number> {
  const queue = createDeliveryQueue(database);
  const quotas = channelIds.map((channelId) => ({ channelId, urgent: false, count: 25 }));
  const times: number[] = [];
  for (let round = 0; round < 15; round++) {
    const leaseToken = randomUUID();
    const startedAt = performance.now();
    await queue.waitingChannels({ urgent: firstId, normal: firstId }, 500);
    const claimed = await queue.claim(quotas, leaseToken, 60_000);
    times.push(performance.now() - startedAt);
    expect(claimed).toHaveLength(channelIds.length * 25);
    await queue.giveBack([leaseToken]);
  }
  return times.sort((a, b) => a - b)[7] ?? 0;
}

/** A UUIDv7 begins with its time in milliseconds. */
const dayOldId = `(lpad(to_hex((extract(epoch from now() - interval '1 day') * 1000)::bigint), 12, '0')
  || substr(replace(uuid_v7()::text, '-', ''), 13))::uuid`;

/** What `explain` says of a statement in a session like the service's own for kept plans. */
async function explain<Row extends object>(
  { text }: Statement,
  parameters: string,
  options: string,
): Promise<Row[]> {
  const client = new Client({
    connectionString: databaseUrl,
    options: keptPlanSettings.map((setting) => `-c ${setting}`).join(" "),
  });
  await client.connect();
  try {
    await client.query(`prepare explained as ${text}`);
    return (await client.query<Row>(`explain (${options}) execute explained (${parameters})`)).rows;
  } finally {
    await client.end();
  }
}

/** The lines of the plan of a claim on two channels. */
async function explainClaim(channelIds: string[]): Promise<string[]> {
  const quota = `array['${channelIds[0]}', '${channelIds[1]}']::uuid[], array[false, false], array[25, 25]`;
  const parameters = `${quota}, '${randomUUID()}', 0`;
  const rows = await explain<{ "QUERY PLAN": string }>(claim, parameters, "analyze, buffers, costs off");
  return rows.map((row) => row["QUERY PLAN"]);
}

/** The 8 kB pages that telling the queue's status looks at. */
async function pagesOfStatus(): Promise<number> {
  const parameters = `'${tenant.id}', 10000`;
  return explainedPages(await explain<Explained>(queueStatus, parameters, "analyze, buffers, format json"));
}

test("with a million deliveries waiting a claim takes as long as with a thousand, and a worker as much memory", {
  timeout: 300_000,
}, async () => {
  const channelIds = await Promise.all(
    Array.from({ length: 10 }, (_, n) =>
      tenant.webhook(`${sink.url}/${n}`, { event_filters: ["grant.revoked"] }),
    ),
  );
  const eventIds = await tenant.sendAll(Array.from({ length: 1000 }, () => ({ type: "grant.active" })));
  // A plan that was made for an empty queue must not be kept.
  const queue = createDeliveryQueue(database);
  for (let round = 0; round < 10; round++) {
    await queue.claim([{ channelId: channelIds[0] ?? "", urgent: false, count: 1 }], randomUUID(), 1000);
  }
  await addWaiting(eventIds, channelIds, 0, 1_000);
  const withThousand = await claimTime(channelIds);
  await addWaiting(eventIds, channelIds, 1_000, 1_000_000);
  const withMillion = await claimTime(channelIds);
  // Three more levels of an index, and the noise of a busy machine; a scan would take hundreds.
  expect(withMillion).toBeLessThan(3 * withThousand + 50);

  const plan = await explainClaim(channelIds);
  expect(plan.some((line) => line.includes("using delivery_queue_waiting"))).toBe(true);
  expect(plan.some((line) => line.includes("Seq Scan on delivery_queue"))).toBe(false);
  const buffers = plan.flatMap((line) => [...line.matchAll(/shared hit=(\d+)/g)].map(([, n]) => Number(n)));
  expect(Math.max(...buffers)).toBeLessThan(5_000);

  expect(await readQueueStatus(database, tenant.id)).toMatchObject({
    pending: 10_000,
    oldestCreatedAt: expect.any(Date),
  });
  // Bounded by the ten thousand that are counted, not by the million.
  expect(await pagesOfStatus()).toBeLessThan(10_000);

  const worker = await cluster.start("worker");
  // By then the heap has found its size.
  await sink.waitFor(4000, 60_000);
  const early = await metric(worker, "process_resident_memory_bytes");
  await sink.waitFor(9000, 60_000);
  const late = await metric(worker, "process_resident_memory_bytes");
  expect(late - early).toBeLessThan(64 * 1024 * 1024);
  // Eight deliveries a slot at most, of which a worker has 256 when nothing else is configured.
  expect(await metric(worker, "jitsudo_deliveries_held")).toBeLessThanOrEqual(8 * 256);
});

test("a queue that thousands have left is vacuumed soon", async () => {
  const channelId = await tenant.webhook(`${sink.url}/hook`);
  const eventId = await tenant.send();
  await cluster.sql("alter table delivery_queue set (autovacuum_enabled = false)");
  await addWaiting([eventId], [channelId], 0, 10_000);
  await cluster.sql("delete from delivery_queue");
  await cluster.start("worker");
  const vacuumed = async () => {
    const text = `select pg_stat_get_vacuum_count(oid)::int as times, pg_stat_get_dead_tuples(oid)::int as dead
      from pg_class where relname = 'delivery_queue'`;
    const [queue] = await cluster.sql<{ times: number; dead: number }>(text);
    return queue && queue.times > 0 && queue.dead === 0;
  };
  // A session tells what it did when it has been idle for ten seconds, at the latest.
  await until(vacuumed, { timeoutMs: 30_000 });
});

test("retention removes what is old in small batches, and no delivery waits for it", async () => {
  const channelId = await tenant.webhook(`${sink.url}/hook`, { ordered: false });
  await cluster.start("worker");
  const openId = await tenant.send();
  await tenant.ended(openId);
  const old = 20_000;
  const eventsMade = await cluster.sql<{ id: string }>(
    `insert into event (id, tenant_id, type, payload, payload_hash, received_at)
     select ${dayOldId}, $1, 'grant.active', '{}', 'x', now() - interval '1 day'
     from generate_series(1, ${old}) returning id`,
    [tenant.id],
  );
  await cluster.sql(
    `insert into delivery (id, tenant_id, event_id, channel_id, event_type, state, attempts, created_at, completed_at)
     select id, $1, id, $2, 'grant.active', 'delivered', 1, now() - interval '1 day', now() - interval '1 day'
     from unnest($3::uuid[]) as id`,
    [tenant.id, channelId, eventsMade.map(({ id }) => id)],
  );
  await cluster.sql(
    `insert into attempt (delivery_id, number, tenant_id, started_at, duration_ms, outcome)
     select id, 1, $1, now(), 1, 'delivered' from unnest($2::uuid[]) as id`,
    [tenant.id, eventsMade.map(({ id }) => id)],
  );

  const removing = removeOld(database, 3_600_000, new AbortController().signal);
  let slowest = 0;
  let running = true;
  removing.finally(() => {
    running = false;
  });
  while (running) {
    const before = sink.requests.length;
    const startedAt = performance.now();
    await tenant.send();
    await sink.waitFor(before + 1);
    slowest = Math.max(slowest, performance.now() - startedAt);
  }
  expect(await removing).toEqual({ deliveries: old, events: old });
  expect(slowest).toBeLessThan(1000);
  const [left] = await cluster.sql<{ attempts: number; deliveries: number }>(
    `select (select count(*)::int from attempt) as attempts, (select count(*)::int from delivery) as deliveries`,
  );
  // What is left are those that were sent meanwhile.
  expect(left?.deliveries).toBe(sink.requests.length);
  expect(left?.attempts).toBeLessThanOrEqual(sink.requests.length);
  expect(await tenant.ended(openId)).toMatchObject([{ state: "delivered" }]);
});

test("a process removes by itself what is older than a fraction of a day", { timeout: 120_000 }, async () => {
  await tenant.webhook(`${sink.url}/hook`);
  // Two seconds. Chores come once a minute.
  await cluster.start("worker", {
    JITSUDO_RETENTION_DAYS: String(2 / 86_400),
    JITSUDO_DEDUP_WINDOW_MS: "1000",
  });
  const eventId = await tenant.send();
  await tenant.ended(eventId);
  await until(
    async () => {
      const [row] = await cluster.sql<{ count: number }>("select count(*)::int as count from event");
      return row?.count === 0;
    },
    { timeoutMs: 90_000, intervalMs: 500 },
  );
});
