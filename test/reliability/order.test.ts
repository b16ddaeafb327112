import { randomUUID } from "node:crypto";
import { afterEach, beforeEach, expect, inject, test } from "vitest";
import { type HttpSink, type SinkRequest, startHttpSink } from "../sinks/http-sink.ts";
import { createDatabase } from "../support/postgres.ts";
import { type Cluster, startCluster } from "./support/cluster.ts";
import type { Tenant } from "./support/tenant.ts";

// Notices about one request or grant reach a channel in the order in which the
// events were acknowledged, whichever worker sends them.

let sink: HttpSink;
let cluster: Cluster;
let tenant: Tenant;

beforeEach(async () => {
  sink = await startHttpSink();
  cluster = await startCluster({ databaseUrl: await createDatabase(inject("postgresUrl")) });
  tenant = await cluster.tenant(await cluster.start("all"));
  await cluster.start("worker");
});

afterEach(async () => {
  await cluster.close();
  await sink.close();
});

interface Body {
  request_id: string;
  reason: string;
}

const bodyOf = ({ body }: SinkRequest) => (JSON.parse(body) as { data: Body }).data;

const step = (requestId: string, number: number) => ({
  type: "grant.active",
  request_id: requestId,
  reason: String(number),
});

test("in order for each request, with failures in between and workers in competition", async () => {
  const taken: { requestId: string; number: number }[] = [];
  const failedOnce = new Set<string>();
  sink.respond("/hook", (request) => {
    const { request_id: requestId, reason } = bodyOf(request);
    const key = `${requestId}/${reason}`;
    // Every third notice fails at first.
    if (Number(reason) % 3 === 0 && !failedOnce.has(key)) {
      failedOnce.add(key);
      return { status: 500 };
    }
    taken.push({ requestId, number: Number(reason) });
    return { delayMs: 5 };
  });
  await tenant.webhook(`${sink.url}/hook`);
  const requests = Array.from({ length: 20 }, () => randomUUID());
  const numbers = Array.from({ length: 10 }, (_, index) => index);
  const eventIds = await tenant.sendAll(numbers.flatMap((number) => requests.map((id) => step(id, number))));
  await Promise.all(eventIds.map((id) => tenant.ended(id, 50_000)));
  for (const id of requests) {
    expect(taken.filter(({ requestId }) => requestId === id).map(({ number }) => number)).toEqual(numbers);
  }
});

test("in order within one call, however many events it has", async () => {
  await tenant.webhook(`${sink.url}/hook`);
  const requests = Array.from({ length: 250 }, () => randomUUID());
  const numbers = [0, 1, 2, 3];
  await tenant.sendAll(numbers.flatMap((number) => requests.map((id) => step(id, number))));
  await sink.waitFor(1_000, 40_000);
  const reasons = Map.groupBy(sink.requests.map(bodyOf), ({ request_id }) => request_id);
  for (const id of requests) {
    expect(reasons.get(id)?.map(({ reason }) => Number(reason))).toEqual(numbers);
  }
});

test("a notice that fails for good does not hold up those after it", async () => {
  const accepted: string[] = [];
  sink.respond("/hook", (request) => {
    const { reason } = bodyOf(request);
    if (reason === "1") return { status: 500 };
    accepted.push(reason);
    return {};
  });
  await tenant.webhook(`${sink.url}/hook`);
  const requestId = randomUUID();
  const eventIds = await tenant.sendAll([0, 1, 2, 3].map((number) => step(requestId, number)));
  const states = (await Promise.all(eventIds.map((id) => tenant.ended(id)))).flat().map(({ state }) => state);
  expect(states).toEqual(["delivered", "failed", "delivered", "delivered"]);
  expect(accepted).toEqual(["0", "2", "3"]);
});

test.each([
  { ordered: true, first: ["0", "0", "0"] },
  { ordered: false, first: ["0", "1", "2"] },
])("ordered: $ordered", async ({ ordered, first }) => {
  sink.respond("/hook", (request) => (bodyOf(request).reason === "0" ? { status: 500 } : {}));
  await tenant.webhook(`${sink.url}/hook`, { ordered });
  const requestId = randomUUID();
  await tenant.sendAll([0, 1, 2].map((number) => step(requestId, number)));
  await sink.waitFor(5);
  const reasons = sink.requests.map((request) => bodyOf(request).reason);
  if (ordered) expect(reasons.slice(0, 3)).toEqual(first);
  else expect(reasons.slice(0, 3).sort()).toEqual(first);
});
