import { randomUUID } from "node:crypto";
import { afterEach, beforeEach, describe, expect, inject, test } from "vitest";
import { type HttpSink, startHttpSink } from "../sinks/http-sink.ts";
import { createDatabase } from "../support/postgres.ts";
import { type Redis, startRedis } from "../support/redis.ts";
import type { Service } from "../support/service.ts";
import { until } from "../support/until.ts";
import { type Cluster, metric, startCluster } from "./support/cluster.ts";
import type { Tenant } from "./support/tenant.ts";

// One notice where two were asked for, however close together; and more rather
// than fewer notices while Redis is away.

const rounds = 100;

let redis: Redis;
let sink: HttpSink;
let cluster: Cluster;
let services: Service[];
let tenant: Tenant;

beforeEach(async () => {
  redis = await startRedis();
  sink = await startHttpSink();
});

afterEach(async () => {
  await cluster.close();
  await sink.close();
  await redis.close();
});

/** However slow the machine is: what Redis does not answer in time goes out unchecked. */
const patient = { JITSUDO_DEDUP_TIMEOUT_MS: "10000" };

async function startTwo(redisUrl?: string, env: Record<string, string> = {}): Promise<void> {
  const databaseUrl = await createDatabase(inject("postgresUrl"));
  cluster = await startCluster({ databaseUrl, ...(redisUrl && { redisUrl }), env });
  services = [await cluster.start("all"), await cluster.start("all")];
  tenant = await cluster.tenant(services[0] as Service);
  // Order within a request would keep the two apart.
  await tenant.webhook(`${sink.url}/hook`, { ordered: false });
}

/** Sends one event through both processes at the same time and returns what became of the two. */
async function sendTwice(requestId: string) {
  const ids = await Promise.all(
    services.map((service) => tenant.at(service.url).send({ request_id: requestId })),
  );
  const deliveries = (await Promise.all(ids.map((id) => tenant.ended(id)))).flat();
  return { deliveries, states: deliveries.map(({ state }) => state).sort() };
}

/** Each process finds out by itself that Redis is there, so one pair says nothing of both. */
async function untilBothCheck(): Promise<void> {
  await until(async () => {
    for (let i = 0; i < 5; i++) {
      if (!(await sendTwice(randomUUID())).states.includes("deduplicated")) return false;
    }
    return true;
  });
}

/** Notices that any process sent without asking Redis. */
async function countUnchecked(): Promise<number> {
  const counts = services.map((service) => metric(service, "jitsudo_dedup_unavailable_total"));
  return (await Promise.all(counts)).reduce((a, b) => a + b);
}

describe.each(["Redis", "the database"])("keys in %s", (where) => {
  test("two equal events at the same instant make one notice", async () => {
    await startTwo(where === "Redis" ? redis.url : undefined, patient);
    await untilBothCheck();
    const before = sink.requests.length;
    for (let round = 0; round < rounds; round += 10) {
      await Promise.all(
        Array.from({ length: 10 }, async () => {
          const { deliveries, states } = await sendTwice(randomUUID());
          expect(states).toEqual(["deduplicated", "delivered"]);
          const [first, second] = deliveries.sort((a, b) => a.duplicate_of.localeCompare(b.duplicate_of));
          expect(second?.duplicate_of).toBe(first?.id);
        }),
      );
    }
    expect(sink.requests).toHaveLength(before + rounds);
  });
});

test("a notice that failed for good gives its key up", async () => {
  await startTwo(redis.url, patient);
  const event = { request_id: randomUUID() };
  sink.respond("/hook", [{ status: 410 }, {}]);
  expect(await tenant.ended(await tenant.send(event))).toMatchObject([{ state: "failed" }]);
  expect(await tenant.ended(await tenant.send(event))).toMatchObject([{ state: "delivered" }]);
  expect(await tenant.ended(await tenant.send(event))).toMatchObject([{ state: "deduplicated" }]);
});

test("while the first of two is on its way, the second waits, and goes out if that one never did", async () => {
  await startTwo(redis.url, patient);
  const event = { type: "request.break_glass", request_id: randomUUID() };
  sink.respond("/hook", [{ status: 500 }, { status: 500 }, { status: 500 }, {}]);
  const first = await tenant.send(event);
  await sink.waitFor(1);
  const second = await tenant.send(event);
  expect(await tenant.ended(first)).toMatchObject([{ state: "failed", attempt_count: 3 }]);
  expect(await tenant.ended(second)).toMatchObject([{ state: "delivered", attempt_count: 1 }]);
  expect(sink.requests).toHaveLength(4);
});

test("the second goes out, too, where the first became stale between its attempts", async () => {
  await startTwo(redis.url, patient);
  const event = { type: "request.break_glass", request_id: randomUUID() };
  sink.respond("/hook", [{ status: 503, headers: { "retry-after": "20" } }, {}]);
  const first = await tenant.send({ ...event, deliver_before: new Date(Date.now() + 5_000).toISOString() });
  await sink.waitFor(1);
  const second = await tenant.send(event);
  expect(await tenant.ended(first)).toMatchObject([{ state: "expired", attempt_count: 1 }]);
  expect(await tenant.ended(second, 40_000)).toMatchObject([{ state: "delivered", attempt_count: 1 }]);
}, 60_000);

test("a notice that goes out unchecked is counted once, even where its slot comes late", async () => {
  await redis.stop();
  await startTwo(redis.url);
  await tenant.slack(`${sink.url}/slack`, { ordered: false });
  // The webhook wants them, too, and the channel of Slack sends one a second.
  const ids = await tenant.sendAll([1, 2, 3].map((number) => ({ grant_id: `g${number}` })));
  for (const id of ids) await tenant.ended(id);
  expect(sink.requests).toHaveLength(6);
  expect(await countUnchecked()).toBe(6);
});

const outages = {
  stopped: { begin: () => redis.stop(), end: () => redis.start() },
  "hung (SIGSTOP)": { begin: async () => redis.pause(), end: async () => redis.resume() },
};

describe.each(Object.entries(outages))("Redis %s", (_, { begin, end }) => {
  test("ingest goes on, notices flow and are counted, and suppression resumes", async () => {
    await startTwo(redis.url);
    expect((await sendTwice(randomUUID())).states).toEqual(["deduplicated", "delivered"]);
    await begin();
    for (let i = 0; i < 5; i++) {
      const startedAt = performance.now();
      const id = await tenant.send();
      expect(performance.now() - startedAt).toBeLessThan(5_000);
      expect(await tenant.ended(id)).toMatchObject([{ state: "delivered" }]);
    }
    expect(await countUnchecked()).toBeGreaterThanOrEqual(5);
    await end();
    await untilBothCheck();
  });
});

test("a process that starts while Redis is away works, and uses it once it is there", async () => {
  await redis.stop();
  await startTwo(redis.url);
  expect(await tenant.ended(await tenant.send())).toMatchObject([{ state: "delivered" }]);
  await redis.start();
  await until(async () => (await sendTwice(randomUUID())).states.includes("deduplicated"));
});
