import { afterEach, describe, expect, test, vi } from "vitest";
import { type HttpSink, startHttpSink } from "../sinks/http-sink.ts";
import { until } from "../support/until.ts";
import type { Api } from "./api.ts";
import { deploy } from "./deployment.ts";
import { backends } from "./home.ts";

// What was acknowledged survives the end of the process, whichever way it ends.

// Each test starts the service twice.
vi.setConfig({ testTimeout: 180_000 });

const backlog = 150;
const concurrency = 8;
/** Deliveries that one process takes on at the same time, those included whose result it is writing. */
const heldAtMost = concurrency * 8;

const closers: (() => Promise<void>)[] = [];

afterEach(async () => {
  for (const close of closers.splice(0).reverse()) await close();
});

async function start(backend: (typeof backends)[number], env: Record<string, string> = {}) {
  const sink = await startHttpSink();
  closers.push(sink.close);
  const deployment = await deploy(backend, {
    JITSUDO_CONCURRENCY: String(concurrency),
    JITSUDO_LEASE_MS: "2000",
    ...env,
  });
  closers.push(deployment.close);
  const tenant = await deployment.newTenant();
  const path = `/${tenant.id}`;
  await tenant.api.createWebhook(sink.url + path);
  return { sink, deployment, path, ...tenant };
}

/** Sends the backlog and ends the process in the middle of it, with events still coming in; answers what was acknowledged. */
async function interrupt(
  { api, sink, path, deployment }: Awaited<ReturnType<typeof start>>,
  end: () => Promise<unknown>,
) {
  sink.respond(path, { delayMs: 30 });
  const events = Array.from({ length: backlog }, (_, number) => ({
    type: "grant.active",
    request_id: `${number}`,
  }));
  const batch = await api.send<{ results: { accepted: { id: string } }[] }>("POST", "/v1/events:batch", {
    events,
  });
  const acknowledged = batch.body.results.map(({ accepted }) => accepted.id);

  let ended = false;
  const sending = (async () => {
    for (let number = 0; !ended; number++) {
      const arrived = sink.to(path).length;
      const event = { type: "grant.expired", request_id: `late-${number}` };
      // Calls that the end cuts off are not acknowledged; nobody promised anything about them.
      const reply = await api.send<{ id: string }>("POST", "/v1/events", event).catch(() => undefined);
      if (reply?.status === 202) acknowledged.push(reply.body.id);
      await until(() => ended || sink.to(path).length > arrived);
    }
  })();
  await until(() => sink.to(path).length >= 40);
  await end();
  ended = true;
  await sending;
  expect(deployment.service.running()).toBe(false);
  expect(sink.to(path).length).toBeLessThan(acknowledged.length);
  return acknowledged;
}

async function allDelivered(api: Api, count: number): Promise<void> {
  await until(async () => (await api.deliveries({ state: "delivered" })).length >= count, {
    timeoutMs: 60_000,
    intervalMs: 250,
  });
}

/** Which events arrived how often, by their id; equal ones must be equal in every byte that counts. */
function arrivals(sink: HttpSink, path: string): Map<string, number> {
  const counts = new Map<string, number>();
  const firsts = new Map<string, { body: string; webhookId: unknown }>();
  for (const { body, headers } of sink.to(path)) {
    const { id } = JSON.parse(body);
    counts.set(id, (counts.get(id) ?? 0) + 1);
    const arrived = { body, webhookId: headers["webhook-id"] };
    expect(arrived).toEqual(firsts.get(id) ?? arrived);
    firsts.set(id, arrived);
  }
  return counts;
}

describe.each(backends)("%s", (backend) => {
  test("SIGTERM in the middle of a backlog: the rest is delivered, nothing twice", async () => {
    const setup = await start(backend);
    const { deployment, sink, path, api } = setup;
    const acknowledged = await interrupt(setup, async () => {
      expect(await deployment.service.stop()).toBe(0);
    });
    await deployment.restart();
    await allDelivered(api, acknowledged.length);
    const counts = arrivals(sink, path);
    for (const id of acknowledged) expect(counts.get(id)).toBe(1);
    expect(sink.to(path)).toHaveLength(counts.size);
    for (const { attempt_count } of await api.deliveries()) expect(attempt_count).toBe(1);
  });

  test("SIGKILL in the middle of a backlog: the rest is delivered, at most what was under way twice", async () => {
    const setup = await start(backend);
    const { deployment, sink, path, api } = setup;
    const acknowledged = await interrupt(setup, () => deployment.service.kill());
    await deployment.restart();
    await allDelivered(api, acknowledged.length);
    const counts = arrivals(sink, path);
    for (const id of acknowledged) expect(counts.get(id)).toBeGreaterThanOrEqual(1);
    const repeated = [...counts].filter(([, count]) => count > 1);
    expect(repeated.length).toBeLessThanOrEqual(heldAtMost);
    for (const [id, count] of repeated) {
      expect(count).toBe(2);
      // The log tells of the attempt whose outcome nobody knows.
      expect(await api.settled(id)).toMatchObject([
        {
          state: "delivered",
          attempt_count: 2,
          attempts: [
            { number: 1, outcome: "interrupted" },
            { number: 2, outcome: "delivered" },
          ],
        },
      ]);
    }
  });

  test("a backoff goes on over a restart, and attempts go on counting", async () => {
    const { deployment, sink, path, api } = await start(backend, { JITSUDO_BACKOFF_BASE_MS: "2000" });
    sink.respond(path, [{ status: 500 }, {}]);
    const { id } = await api.ingest({ type: "grant.active" });
    await until(async () => (await api.deliveries({ event_id: id }))[0]?.last_error === "HTTP 500");
    // Who waits for a backoff does not hold the stop up.
    expect(await deployment.service.stop()).toBe(0);
    expect(sink.to(path)).toHaveLength(1);
    await deployment.restart();
    const [delivery] = await api.settled(id);
    expect(delivery).toMatchObject({
      state: "delivered",
      attempt_count: 2,
      attempts: [
        { number: 1, outcome: "retry" },
        { number: 2, outcome: "delivered" },
      ],
    });
    const [first, second] = sink.to(path).map(({ receivedAt }) => receivedAt.getTime());
    expect((second ?? 0) - (first ?? 0)).toBeGreaterThanOrEqual(1_490);
  });

  test("dedup and idempotency keys survive a restart", async () => {
    const { deployment, sink, path, api } = await start(backend);
    const event = { type: "request.pending", idempotency_key: "k" };
    const first = await api.deliverOne(event);
    await deployment.service.stop();
    await deployment.restart();
    expect(await api.ingest(event)).toMatchObject({ id: first.event_id, replayed: true });
    expect(await api.deliverOne({ type: "request.pending" })).toMatchObject({
      state: "deduplicated",
      duplicate_of: first.id,
    });
    expect(sink.to(path)).toHaveLength(1);
  });
});
