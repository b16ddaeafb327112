import { afterAll, beforeAll, describe, expect, test } from "vitest";
import { createNotificationsClient } from "../../src/clients/connect.ts";
import { type HttpSink, startHttpSink } from "../sinks/http-sink.ts";
import { until } from "../support/until.ts";
import { type Deployment, deploy } from "./deployment.ts";
import { backends } from "./home.ts";

// Equal notices within the window: one is sent, the others are suppressed and say which one was.

const windowMs = 4_000;

/** Between two equal sends: a key is reserved half a second before its send at the most. */
const shortestMs = windowMs - 550;
const event = {
  type: "request.pending",
  requester: "ada@example.com",
  attributes: { a: 1, b: { c: [1, 2], d: null } },
};

describe.each(backends)("%s", (backend) => {
  let deployment: Deployment;
  let sink: HttpSink;

  beforeAll(async () => {
    sink = await startHttpSink();
    deployment = await deploy(backend, {
      JITSUDO_DEDUP_WINDOW_MS: String(windowMs),
      JITSUDO_SLACK_PER_SECOND: "1",
    });
  });

  afterAll(async () => {
    await deployment?.close();
    await sink.close();
  });

  async function tenantWithWebhook() {
    const tenant = await deployment.newTenant();
    const path = `/${tenant.id}`;
    const channel = await tenant.api.createWebhook(sink.url + path);
    return { ...tenant, path, channel };
  }

  test("a duplicate is suppressed within the window and sent after it", async () => {
    const { api, path } = await tenantWithWebhook();
    const first = await api.deliverOne(event);
    expect(first.state).toBe("delivered");
    const second = await api.deliverOne(event);
    expect(second).toMatchObject({
      state: "deduplicated",
      duplicate_of: first.id,
      attempt_count: 0,
      attempts: [],
      last_error: "",
    });
    const late = await until(async () => {
      const next = await api.deliverOne(event);
      return next.state === "delivered" ? next : undefined;
    });
    const startOf = (delivery: typeof first) => Date.parse(delivery.attempts[0]?.started_at ?? "");
    expect(startOf(late) - startOf(first)).toBeGreaterThan(shortestMs);
    expect(sink.to(path)).toHaveLength(2);
  });

  test("the window begins with the send, even where that had to wait", async () => {
    const { id, api } = await deployment.newTenant();
    await api.createChannel("slack-webhook", { name: "slack", webhook_url: `${sink.url}/slack/${id}` });
    const events = [
      { ...event, reason: "one" },
      { ...event, reason: "other" },
    ];
    const { body } = await api.send<{ results: { accepted: { id: string } }[] }>("POST", "/v1/events:batch", {
      events,
    });
    const sends = await Promise.all(
      body.results.map(async ({ accepted }, at) => {
        const [delivery] = await api.settled(accepted.id);
        const startedAt = Date.parse(delivery?.attempts[0]?.started_at ?? "");
        return { event: events[at], startedAt, waitedMs: startedAt - Date.parse(delivery?.created_at ?? "") };
      }),
    );
    // Which of the two uses the channel's second up is open: they are about no request.
    const last = sends.sort((a, b) => a.startedAt - b.startedAt).at(-1);
    if (!last?.event) throw new Error("Two events make two sends");
    const { event: again, startedAt, waitedMs } = last;
    expect(waitedMs).toBeGreaterThan(500);
    const late = await until(async () => {
      const next = await api.deliverOne(again);
      return next.state === "delivered" ? next : undefined;
    });
    const lateAt = Date.parse(late.attempts[0]?.started_at ?? "");
    expect(lateAt - startedAt).toBeGreaterThan(shortestMs);
  });

  test("of many at once, one is sent", async () => {
    const { api, path } = await tenantWithWebhook();
    const { body } = await api.send<{ results: unknown[] }>("POST", "/v1/events:batch", {
      events: Array(30).fill({ ...event, reason: "many" }),
    });
    expect(body.results).toHaveLength(30);
    const ended = await until(
      async () => {
        const all = await api.deliveries();
        return all.every(({ state }) => ["delivered", "deduplicated"].includes(state)) ? all : undefined;
      },
      { intervalMs: 100 },
    );
    const sent = ended.filter(({ state }) => state === "delivered");
    expect(sent).toHaveLength(1);
    for (const delivery of ended) {
      if (delivery.id === sent[0]?.id) continue;
      expect(delivery).toMatchObject({ state: "deduplicated", duplicate_of: sent[0]?.id });
    }
    expect(sink.to(path)).toHaveLength(1);
  });

  test("equal is what was sent, whichever way it was written and by whichever protocol", async () => {
    const { id, apiKey, api, path } = await tenantWithWebhook();
    const first = await api.deliverOne(event);
    const rewritten =
      '{"attributes":{"b":{"d":null,"c":[1.0,2]},"a":1},\n"requester":"ada@example.com","type":"request.pending"}';
    const { body } = await api.send<{ id: string }>("POST", "/v1/events", rewritten);
    const client = createNotificationsClient({ baseUrl: deployment.service.url, apiKey, tenantId: id });
    const called = await client.events.ingestEvent({ ...event, idempotencyKey: "other" });
    client.close();
    for (const eventId of [body.id, called.id]) {
      expect(await api.settled(eventId)).toMatchObject([{ state: "deduplicated", duplicate_of: first.id }]);
    }
    expect(sink.to(path)).toHaveLength(1);
  });

  test("another payload, another type and another time are other notices", async () => {
    const { api, path } = await tenantWithWebhook();
    const others = [
      event,
      { ...event, reason: "x" },
      { ...event, type: "request.approved" },
      { ...event, occurred_at: "2026-03-01T17:05:00Z" },
      { ...event, attributes: { a: 2 } },
    ];
    for (const other of others) expect(await api.deliverOne(other)).toMatchObject({ state: "delivered" });
    expect(sink.to(path)).toHaveLength(others.length);
  });

  test("the same event on two channels and of two tenants is no duplicate", async () => {
    const { api, path } = await tenantWithWebhook();
    await api.createWebhook(sink.url + path);
    const other = await tenantWithWebhook();
    const { id } = await api.ingest(event);
    expect((await api.settled(id)).map(({ state }) => state)).toEqual(["delivered", "delivered"]);
    expect(await other.api.deliverOne(event)).toMatchObject({ state: "delivered" });
    expect(sink.to(path)).toHaveLength(2);
    expect(sink.to(other.path)).toHaveLength(1);
  });

  test("a delivery that failed for good gives its key up", async () => {
    const { api, path } = await tenantWithWebhook();
    sink.respond(path, [{ status: 410 }, { status: 500 }, { status: 500 }, { status: 500 }, {}]);
    expect(await api.deliverOne(event)).toMatchObject({ state: "failed", attempt_count: 1 });
    expect(await api.deliverOne(event)).toMatchObject({ state: "failed", attempt_count: 3 });
    const sent = await api.deliverOne(event);
    expect(sent).toMatchObject({ state: "delivered", attempt_count: 1 });
    expect(await api.deliverOne(event)).toMatchObject({ state: "deduplicated", duplicate_of: sent.id });
    expect(sink.to(path)).toHaveLength(5);
  });

  test("a retry is not its own duplicate", async () => {
    const { api, path } = await tenantWithWebhook();
    sink.respond(path, [{ status: 500 }, { status: 500 }, {}]);
    expect(await api.deliverOne(event)).toMatchObject({ state: "delivered", attempt_count: 3 });
  });
});
