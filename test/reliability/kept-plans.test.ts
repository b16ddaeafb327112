import { randomUUID } from "node:crypto";
import { globSync, readFileSync } from "node:fs";
import { Client } from "pg";
import { pino } from "pino";
import { afterEach, beforeEach, expect, inject, test } from "vitest";
import { openDatabase, type Statement } from "../../src/store/database.ts";
import { begin, claim, fates, settle, waitingChannels } from "../../src/store/delivery-queue.sql.ts";
import { insertEvents, payloadSeparator } from "../../src/store/ingest.sql.ts";
import { keptPlanSettings } from "../../src/store/kept-plans.ts";
import { queueStatus } from "../../src/store/queue-status.ts";
import { reserve } from "../../src/store/sql-dedup-store.ts";
import { firstId } from "../../src/uuid-v7.ts";
import { createDatabase } from "../support/postgres.ts";
import { withTempDir } from "../support/temp-dir.ts";
import { type Explained, explainedPages } from "./support/explained-pages.ts";

// Some statements keep the plan that was made when they ran first, maybe on an empty
// queue. It has to be as good for a full one: pages read are counted, not time.

const statements: Statement[] = [
  insertEvents,
  waitingChannels,
  claim,
  begin,
  fates,
  settle,
  queueStatus,
  reserve,
];
const tenantId = randomUUID();
const channelIds = Array.from({ length: 4 }, () => randomUUID());
const [channelId = ""] = channelIds;
const batch = 100;

let client: Client;

beforeEach(async () => {
  const databaseUrl = await createDatabase(inject("postgresUrl"));
  await withTempDir(async (dataDir) => {
    const log = pino({ level: "silent" });
    const database = await openDatabase({ databaseUrl, dataDir, poolSize: 2, log });
    await database.migrate();
    await database.close();
  });
  client = new Client({ connectionString: databaseUrl });
  await client.connect();
  for (const setting of keptPlanSettings) await client.query(`set ${setting}`);
  await client.query("insert into tenant (id, name) values ($1, 'acme')", [tenantId]);
  await client.query(
    `insert into channel (id, tenant_id, name, type, config, enabled, ordered, event_filters, created_at, updated_at)
     select id, $2, 'hook', 'generic_webhook', '{}', true, true, '{}', now(), now() from unnest($1::uuid[]) as id`,
    [channelIds, tenantId],
  );
  for (const { name, text } of statements) await client.query(`prepare ${name} as ${text}`);
});

afterEach(() => client.end());

/** Runs `work` and undoes it. */
async function undone<Result>(work: () => Promise<Result>): Promise<Result> {
  await client.query("begin");
  try {
    return await work();
  } finally {
    await client.query("rollback");
  }
}

/** The 8 kB pages that an execution looked at. */
async function pagesOf({ name }: Statement, parameters: string[]): Promise<number> {
  const { rows } = await client.query<Explained>(
    `explain (analyze, buffers, format json) execute ${name} (${parameters.join(", ")})`,
  );
  return explainedPages(rows);
}

const array = (type: string, values: (string | number | boolean | null)[]) =>
  `'${JSON.stringify(values).replaceAll("'", "''").replace("[", "{").replace(/\]$/, "}")}'::${type}[]`;
const each = (value: string | number | boolean | null) => Array.from({ length: batch }, () => value);

const newEvents = () => [
  array(
    "uuid",
    each(null).map(() => randomUUID()),
  ),
  array("uuid", each(tenantId)),
  array("text", each("grant.active")),
  `'${each("payload").join(payloadSeparator)}'`,
  array("text", each("hash")),
  array("text", each(null)),
  array(
    "text",
    each(null).map(() => randomUUID()),
  ),
  array("timestamptz", each(null)),
  array("text", each("request")),
  array("text", each(null)),
  // Room for all of them.
  `'${randomUUID()}'::uuid`,
  "60000",
  "1000",
  "1000",
  `'{"tenant": 1000}'`,
  "1000",
  "3",
  array("float8", each(null)),
];
const claimOf = (leaseToken: string) => [
  array("uuid", [channelId]),
  array("boolean", [false]),
  array("int", [batch]),
  `'${leaseToken}'::uuid`,
  "60000",
];
const attempts = (deliveryIds: string[], leaseToken: string) => [
  array("uuid", deliveryIds),
  array("uuid", each(leaseToken)),
  array("int", each(1)),
  array("text", each("version")),
];
const results = (deliveryIds: string[], leaseToken: string) => [
  array("uuid", deliveryIds),
  array("uuid", each(leaseToken)),
  array("text", each("delivered")),
  array("int", each(0)),
  array("uuid", each(null)),
  array("int", each(1)),
  array("timestamptz", each("2026-01-01T00:00:00Z")),
  array("int", each(5)),
  array("text", each("delivered")),
  array("int", each(200)),
  array("text", each("ok")),
  array("text", each(null)),
  array("int", each(0)),
  array("text", each("request")),
];

const keys = () => [
  array(
    "text",
    each(null).map(() => randomUUID()),
  ),
  array("text", each("holder")),
  array("int", each(60_000)),
  array("text", each(null)),
];

/** Executes each statement once, so that it has its plan. */
async function makePlans(): Promise<void> {
  await undone(async () => {
    const leaseToken = randomUUID();
    await pagesOf(insertEvents, newEvents());
    await pagesOf(waitingChannels, [`'${firstId}'`, `'${firstId}'`, "500"]);
    await pagesOf(claim, claimOf(leaseToken));
    const unknown = each(randomUUID()) as string[];
    await pagesOf(begin, attempts(unknown, leaseToken));
    await pagesOf(fates, [array("uuid", unknown)]);
    await pagesOf(settle, results(unknown, leaseToken));
    await pagesOf(queueStatus, [`'${tenantId}'`, "10000"]);
    await pagesOf(reserve, keys());
  });
}

/** A backlog that is gone, as autovacuum finds it. */
async function emptyTheQueue(): Promise<void> {
  await fill(20_000);
  await client.query("delete from delivery_queue");
  await client.query("delete from dedup_key");
  await client.query("vacuum analyze");
}

/** Events, deliveries, as many of them waiting, and keys, without the planner being told. */
async function fill(count: number): Promise<void> {
  await client.query(
    `with made as materialized (
       select uuid_v7() as event_id, uuid_v7() as delivery_id, ($1::uuid[])[1 + n % 4] as channel_id, n
       from generate_series(1, $3::int) n
     ), events as (
       insert into event (id, tenant_id, type, payload, payload_hash, received_at)
       select event_id, $2, 'grant.active', '{}', 'x', now() from made
     ), deliveries as (
       insert into delivery (id, tenant_id, event_id, channel_id, event_type, created_at)
       select delivery_id, $2, event_id, channel_id, 'grant.active', now() from made
     )
     insert into delivery_queue (delivery_id, tenant_id, channel_id, event_id, subject, urgent, not_before)
     select delivery_id, $2, channel_id, event_id, 'request-' || n, false, now() from made order by n`,
    [channelIds, tenantId, count],
  );
  await client.query(
    `insert into dedup_key (key, value, expires_at)
     select gen_random_uuid()::text, 'holder', now() + interval '1 hour' from generate_series(1, $1::int)`,
    [count],
  );
}

test("every statement whose plan is kept is among those that are looked at here", () => {
  const files = globSync("src/**/*.ts").map((file) => readFileSync(file, "utf8"));
  const kept = files.flatMap((text) => text.match(/^ +keepPlan: true,$/gm) ?? []);
  expect(statements.filter(({ keepPlan }) => keepPlan)).toHaveLength(kept.length);
});

test.for([
  ["for tables that nobody has analyzed", async () => {}],
  ["for a queue that was empty when it was analyzed", emptyTheQueue],
] as const)("plans that were made %s are right for a full one", async ([_, prepare]) => {
  await prepare();
  await makePlans();
  await fill(20_000);

  await undone(async () => {
    const leaseToken = randomUUID();
    // Heads, indexes and rows of a hundred deliveries; reading a table from end to end takes thousands each.
    expect(await pagesOf(insertEvents, newEvents())).toBeLessThan(100 * batch);
    expect(await pagesOf(waitingChannels, [`'${firstId}'`, `'${firstId}'`, "500"])).toBeLessThan(200);
    expect(await pagesOf(claim, claimOf(leaseToken))).toBeLessThan(50 * batch);
    const { rows } = await client.query<{ id: string }>(
      "select delivery_id as id from delivery_queue where lease_token = $1",
      [leaseToken],
    );
    expect(rows).toHaveLength(batch);
    const ids = rows.map(({ id }) => id);
    expect(await pagesOf(begin, attempts(ids, leaseToken))).toBeLessThan(50 * batch);
    expect(await pagesOf(fates, [array("uuid", ids)])).toBeLessThan(20 * batch);
    expect(await pagesOf(settle, results(ids, leaseToken))).toBeLessThan(50 * batch);
    const { rowCount } = await client.query("select from attempt where delivery_id = any ($1)", [ids]);
    expect(rowCount).toBe(batch);
    // Up to ten thousand are counted.
    expect(await pagesOf(queueStatus, [`'${tenantId}'`, "10000"])).toBeLessThan(5_000);
    expect(await pagesOf(reserve, keys())).toBeLessThan(20 * batch);
  });
});
