import { randomUUID } from "node:crypto";
import { afterEach, beforeEach, expect, inject, test } from "vitest";
import { type HttpSink, startHttpSink } from "../sinks/http-sink.ts";
import { createDatabase } from "../support/postgres.ts";
import { until } from "../support/until.ts";
import { type Cluster, metric, startCluster } from "./support/cluster.ts";
import type { Tenant } from "./support/tenant.ts";

// Break-glass overtakes everything else at every stage: in the queue, in the
// process, on the channel.

/** Far below what waits in front of it in any of these tests. */
const soonMs = 5_000;

let sink: HttpSink;
let cluster: Cluster;
let tenant: Tenant;

beforeEach(async () => {
  sink = await startHttpSink();
  cluster = await startCluster({ databaseUrl: await createDatabase(inject("postgresUrl")) });
});

afterEach(async () => {
  await cluster.close();
  await sink.close();
});

const many = (count: number) =>
  Array.from({ length: count }, () => ({ type: "grant.active", grant_id: randomUUID() }));

const isBreakGlass = ({ body }: { body: string }) => body.includes("request.break_glass");

/** Sends a break-glass event and returns when its notice had reached each of the paths, in milliseconds. */
async function timeOfBreakGlass(...paths: string[]): Promise<number> {
  const counts = paths.map((path) => sink.to(path).filter(isBreakGlass).length);
  const startedAt = performance.now();
  await tenant.send({ type: "request.break_glass" });
  await sink.waitFor(() =>
    paths.every((path, index) => sink.to(path).filter(isBreakGlass).length > (counts[index] ?? 0)),
  );
  return performance.now() - startedAt;
}

test("it overtakes a large backlog on its own channel", async () => {
  const service = await cluster.start("all", { JITSUDO_CHANNEL_CONCURRENCY: "1" });
  tenant = await cluster.tenant(service);
  sink.respond("/slow", (request) => (isBreakGlass(request) ? {} : { delayMs: 200 }));
  await tenant.webhook(`${sink.url}/slow`);
  await tenant.slack(`${sink.url}/slack`);
  await tenant.sendAll(many(1000));
  await sink.waitFor(2);
  for (let i = 0; i < 5; i++) expect(await timeOfBreakGlass("/slow", "/slack")).toBeLessThan(soonMs);
  expect(sink.requests.length).toBeLessThan(200);
});

test("it is sent while every slot that the tenant can have hangs", async () => {
  const service = await cluster.start("all", {
    JITSUDO_CONCURRENCY: "4",
    JITSUDO_CHANNEL_CONCURRENCY: "2",
    JITSUDO_ATTEMPT_TIMEOUT_MS: "20000",
  });
  tenant = await cluster.tenant(service);
  const paths = ["/a", "/b", "/c"];
  for (const path of paths) {
    sink.respond(path, (request) => (isBreakGlass(request) ? {} : "hang"));
    await tenant.webhook(sink.url + path);
  }
  await tenant.sendAll(many(100));
  // Three quarters of them.
  await sink.waitFor(3);
  for (let i = 0; i < 5; i++) expect(await timeOfBreakGlass(...paths)).toBeLessThan(soonMs);
});

test("it is taken on while the process is full of deliveries that wait for their next attempt", async () => {
  const service = await cluster.start("all", {
    JITSUDO_CONCURRENCY: "4",
    JITSUDO_BACKOFF_BASE_MS: "12000",
    JITSUDO_BREAKER_FAILURES: "10000",
  });
  tenant = await cluster.tenant(service);
  sink.respond("/busy", (request) => (isBreakGlass(request) ? {} : { status: 503 }));
  await tenant.webhook(`${sink.url}/busy`);
  await tenant.sendAll(many(200));
  // Eight for each slot is what a process holds, and a tenant may use three of the four.
  await until(async () => (await metric(service, "jitsudo_deliveries_held")) >= 24);
  for (let i = 0; i < 3; i++) expect(await timeOfBreakGlass("/busy")).toBeLessThan(soonMs);
});

test("its own retries do not wait behind the others", async () => {
  const service = await cluster.start("all", { JITSUDO_CONCURRENCY: "2", JITSUDO_CHANNEL_CONCURRENCY: "2" });
  tenant = await cluster.tenant(service);
  const answers = [{ status: 500 }, { status: 500 }, {}];
  sink.respond("/hook", (request) => (isBreakGlass(request) ? (answers.shift() ?? {}) : { delayMs: 500 }));
  await tenant.webhook(`${sink.url}/hook`);
  await tenant.sendAll(many(200));
  await sink.waitFor(2);
  const startedAt = performance.now();
  const [delivery] = await tenant.ended(await tenant.send({ type: "request.break_glass" }));
  expect(delivery).toMatchObject({ state: "delivered", attempt_count: 3 });
  // Backoffs of 100 and 400 ms, with jitter; the others take 50 s.
  expect(performance.now() - startedAt).toBeLessThan(soonMs);
});
