import { afterEach, beforeEach, expect, inject, test } from "vitest";
import { type HttpSink, startHttpSink } from "../sinks/http-sink.ts";
import { createDatabase } from "../support/postgres.ts";
import type { Service } from "../support/service.ts";
import { until } from "../support/until.ts";
import { type Cluster, startCluster } from "./support/cluster.ts";
import type { Tenant } from "./support/tenant.ts";

// A process that takes events in and delivers them passes new deliveries on to its own
// worker, as long as that overtakes nobody and the worker has room.

let sink: HttpSink;
let cluster: Cluster;
let service: Service;
let tenant: Tenant;

beforeEach(async () => {
  sink = await startHttpSink();
  cluster = await startCluster({ databaseUrl: await createDatabase(inject("postgresUrl")) });
});

afterEach(async () => {
  await cluster.close();
  await sink.close();
});

async function start(env: Record<string, string> = {}): Promise<void> {
  service = await cluster.start("all", env);
  tenant = await cluster.tenant(service);
}

async function taken(way: "hand_over" | "claim"): Promise<number> {
  const page = await (await fetch(`${service.url}/metrics`)).text();
  const name = `jitsudo_deliveries_taken_total\\{way="${way}"\\}`;
  return Number(new RegExp(`^${name} (\\d+)$`, "m").exec(page)?.[1] ?? 0);
}

/** Waits until a first round of the worker has found that nothing waits. */
async function untilIdle(): Promise<void> {
  await until(async () => {
    const before = await taken("hand_over");
    await tenant.ended(await tenant.send());
    return (await taken("hand_over")) > before;
  });
}

const reasons = () => sink.requests.map(({ body }) => JSON.parse(body).data.reason);

test("an idle service claims nothing: events bring their deliveries along", async () => {
  await start();
  for (const path of ["a", "b"]) await tenant.webhook(`${sink.url}/${path}`);
  await untilIdle();
  const before = { handedOver: await taken("hand_over"), claimed: await taken("claim") };
  for (const type of ["grant.active", "request.break_glass", "grant.revoked"]) {
    const deliveries = await tenant.ended(await tenant.send({ type }));
    expect(deliveries).toMatchObject([
      { state: "delivered", attempt_count: 1, attempts: [{ number: 1, outcome: "delivered" }] },
      { state: "delivered", attempt_count: 1, attempts: [{ number: 1, outcome: "delivered" }] },
    ]);
  }
  expect(await taken("hand_over")).toBe(before.handedOver + 6);
  expect(await taken("claim")).toBe(before.claimed);
});

test("what comes later does not overtake what waits in the same line", async () => {
  await start({ JITSUDO_CHANNEL_CONCURRENCY: "1" });
  sink.respond("/hook", () => ({ delayMs: 20 }));
  await tenant.webhook(`${sink.url}/hook`);
  await untilIdle();
  const first = sink.requests.length;
  const ids: string[] = [];
  for (let number = 0; number < 30; number++) ids.push(await tenant.send({ reason: String(number) }));
  await Promise.all(ids.map((id) => tenant.ended(id)));
  const arrived = reasons().slice(first).map(Number);
  expect(arrived.toSorted((a, b) => a - b)).toEqual(ids.map((_, number) => number));
  // One that is just being claimed waits no more, and its neighbour may be quicker.
  expect(Math.max(...arrived.map((number, place) => Math.abs(number - place)))).toBeLessThanOrEqual(1);
  expect(await taken("claim")).toBeGreaterThan(0);
});

test("of a large batch the worker gets what it has room for, and all of it arrives once", async () => {
  await start({ JITSUDO_CHANNEL_CONCURRENCY: "2", JITSUDO_CONCURRENCY: "5" });
  for (const path of "abcdefghij") await tenant.webhook(`${sink.url}/${path}`);
  await untilIdle();
  const before = { requests: sink.requests.length, handedOver: await taken("hand_over") };
  const ids = await tenant.sendAll(Array.from({ length: 40 }, (_, index) => ({ reason: String(index) })));
  for (const id of ids) {
    expect(await tenant.ended(id)).toMatchObject(Array(10).fill({ state: "delivered", attempt_count: 1 }));
  }
  expect(sink.requests.length).toBe(before.requests + 400);
  // Two for each channel, but five in all, and what was lately sent in 100 ms.
  const handedOver = (await taken("hand_over")) - before.handedOver;
  expect(handedOver).toBeGreaterThan(0);
  expect(handedOver).toBeLessThan(20);
});

test("an open breaker holds back what comes, break-glass excepted", async () => {
  await start({ JITSUDO_BREAKER_FAILURES: "3", JITSUDO_BREAKER_OPEN_MS: "60000" });
  const channel = await tenant.webhook(`${sink.url}/hook`);
  await untilIdle();
  sink.respond("/hook", () => ({ status: 500 }));
  await tenant.send({ type: "grant.active" });
  await until(async () => (await tenant.channel(channel)).health.state === "open");
  const before = await taken("hand_over");
  await tenant.send({ type: "grant.active" });
  await tenant.send({ type: "request.break_glass" });
  await until(async () => (await taken("hand_over")) > before);
  expect(await taken("hand_over")).toBe(before + 1);
});

test("a notice that is stale when it comes is not sent", async () => {
  await start();
  await tenant.webhook(`${sink.url}/hook`);
  await untilIdle();
  const first = sink.requests.length;
  const past = new Date(Date.now() - 1000).toISOString();
  const id = await tenant.send({ type: "grant.active", deliver_before: past });
  expect(await tenant.ended(id)).toMatchObject([{ state: "expired" }]);
  expect(sink.requests.length).toBe(first);
});

test.for(["one after the other", "in one batch"])(
  "notices about one request, sent %s: the next waits for the one before",
  async (how) => {
    await start();
    const held = Promise.withResolvers<void>();
    await tenant.webhook(`${sink.url}/hook`);
    await untilIdle();
    sink.respond("/hook", async ({ body }) => {
      if (JSON.parse(body).data.reason === "first") await held.promise;
      return {};
    });
    const before = await taken("hand_over");
    const steps = ["first", "second"].map((reason) => ({ request_id: "r", reason }));
    const ids: string[] = [];
    if (how === "in one batch") ids.push(...(await tenant.sendAll(steps)));
    else for (const step of steps) ids.push(await tenant.send(step));
    await until(() => reasons().includes("first"));
    expect(await taken("hand_over")).toBe(before + 1);
    held.resolve();
    for (const id of ids) await tenant.ended(id);
    expect(reasons().slice(-2)).toEqual(["first", "second"]);
  },
);

test.each(["grant.active", "request.break_glass"])(
  "what found no slot gets the next one: %s",
  async (type) => {
    await start({
      JITSUDO_CONCURRENCY: "1",
      JITSUDO_POLL_MS: "60000",
      JITSUDO_ATTEMPT_TIMEOUT_MS: "30000",
    });
    const released = Promise.withResolvers<void>();
    await tenant.webhook(`${sink.url}/hook`);
    await tenant.ended(await tenant.send());
    const first = sink.requests.length;
    sink.respond("/hook", () => released.promise.then(() => ({})));
    // One slot, and of the four for break-glass what one tenant may use.
    const slots = ["grant.active", ...Array(3).fill("request.break_glass")];
    await tenant.sendAll(slots.map((each, index) => ({ type: each, reason: `first ${index}` })));
    await until(() => sink.requests.length === first + slots.length);
    const ids = await tenant.sendAll(Array.from({ length: 3 }, (_, index) => ({ type, reason: `${index}` })));
    released.resolve();
    for (const id of ids) expect(await tenant.ended(id)).toMatchObject([{ state: "delivered" }]);
  },
);
