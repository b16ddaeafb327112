import { randomUUID } from "node:crypto";
import { pino } from "pino";
import { afterEach, beforeEach, expect, inject, test } from "vitest";
import { type Database, openDatabase } from "../../src/store/database.ts";
import { createDeliveryQueue, type DeliveryQueue } from "../../src/store/delivery-queue.ts";
import { SqlDedupStore } from "../../src/store/sql-dedup-store.ts";
import { firstId } from "../../src/uuid-v7.ts";
import { createDatabase } from "../support/postgres.ts";
import { makeTempDir, removeDir } from "../support/temp-dir.ts";
import { type Cluster, startCluster } from "./support/cluster.ts";
import type { Tenant } from "./support/tenant.ts";

// What happens between two statements of a worker, step by step.

let cluster: Cluster;
let tenant: Tenant;
let database: Database;
let queue: DeliveryQueue;
let dataDir: string;

beforeEach(async () => {
  const databaseUrl = await createDatabase(inject("postgresUrl"));
  cluster = await startCluster({ databaseUrl });
  tenant = await cluster.tenant(await cluster.start("api"));
  dataDir = await makeTempDir();
  database = await openDatabase({ databaseUrl, dataDir, poolSize: 6, log: pino({ level: "silent" }) });
  queue = createDeliveryQueue(database);
});

afterEach(async () => {
  await database.close();
  removeDir(dataDir);
  await cluster.close();
});

test("what is acknowledged after a channel was enabled again is not cancelled", async () => {
  const channelId = await tenant.webhook("http://127.0.0.1:9/hook");
  const enable = (enabled: boolean) =>
    tenant.call("PUT", `/v1/notification-channels/${channelId}`, { enabled });
  await tenant.send();
  await enable(false);
  const [line] = await queue.waitingChannels({ urgent: firstId, normal: firstId }, 500);
  expect(line).toMatchObject({ channelId, active: false });
  await enable(true);
  await tenant.send();
  expect(await queue.cancel(channelId, 1_000)).toBe(0);
  await enable(false);
  expect(await queue.cancel(channelId, 1_000)).toBe(2);
});

/** Claims a thousand deliveries. */
async function claimMany(): Promise<{ deliveryId: string; leaseToken: string }[]> {
  const channelId = await tenant.webhook("http://127.0.0.1:9/hook", { ordered: false });
  await tenant.sendAll(Array.from({ length: 1_000 }, () => ({ type: "grant.active" })));
  const leaseToken = randomUUID();
  const claimed = await queue.claim([{ channelId, urgent: false, count: 1_000 }], leaseToken, 60_000);
  expect(claimed).toHaveLength(1_000);
  return claimed.map(({ deliveryId }) => ({ deliveryId, leaseToken }));
}

test("what is settled while its lease is renewed leaves the queue", async () => {
  const held = await claimMany();
  const delivered = held.map((one) => ({ ...one, state: "delivered" as const }));
  const parts = Array.from({ length: 10 }, (_, n) => delivered.slice(n * 100, (n + 1) * 100));
  const renewals = (async () => {
    for (let round = 0; round < 20; round++) await queue.renew(held, 60_000);
  })();
  for (const part of parts) expect((await queue.settle(part)).every(Boolean)).toBe(true);
  await renewals;
  const text = "select count(*)::int as count from delivery_queue";
  expect(await database.query({ name: "open", text })).toEqual([{ count: 0 }]);
});

test("renewing and settling the same deliveries in different orders never dead-lock", async () => {
  const held = await claimMany();
  for (let round = 0; round < 30; round++) {
    const answered = held
      .toReversed()
      .map((one) => ({ ...one, state: "delivering" as const, waitMs: 1_000 }));
    const [renewed, settled] = await Promise.all([queue.renew(held, 60_000), queue.settle(answered)]);
    expect(renewed.size).toBe(1_000);
    expect(settled.every(Boolean)).toBe(true);
  }
});

test("dedup keys whose time is over go, however many", async () => {
  await database.query({
    name: "fill",
    text: `insert into dedup_key (key, value, expires_at)
      select g::text, 'x', now() + interval '1 hour' * case when g <= 2500 then -1 else 1 end from generate_series(1, 2600) g`,
  });
  await new SqlDedupStore(database).purge(new AbortController().signal);
  const text = "select count(*)::int as count from dedup_key";
  expect(await database.query({ name: "left", text })).toEqual([{ count: 100 }]);
});
