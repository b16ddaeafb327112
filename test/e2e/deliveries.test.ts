import { afterAll, beforeAll, describe, expect, test } from "vitest";
import { type HttpSink, startHttpSink } from "../sinks/http-sink.ts";
import { until } from "../support/until.ts";
import type { ChannelJson, DeliveryJson, IngestedJson } from "./api.ts";
import { type Deployment, deploy, type Tenant } from "./deployment.ts";
import { backends } from "./home.ts";

// What became of each event on each channel, asked over REST.

describe.each(backends)("%s", (backend) => {
  let deployment: Deployment;
  let sink: HttpSink;
  let tenant: Tenant;
  let good: ChannelJson;
  let bad: ChannelJson;
  let slow: ChannelJson;
  let active: IngestedJson;
  let revoked: IngestedJson;

  /** Two events; one channel takes both, one refuses both, one holds the first and keeps the second waiting. */
  beforeAll(async () => {
    sink = await startHttpSink();
    deployment = await deploy(backend, { JITSUDO_ATTEMPT_TIMEOUT_MS: "60000" });
    tenant = await deployment.newTenant();
    const { api, id } = tenant;
    sink.respond(`/bad/${id}`, { status: 410 });
    sink.respond(`/slow/${id}`, "hang");
    good = await api.createWebhook(`${sink.url}/good/${id}`);
    bad = await api.createWebhook(`${sink.url}/bad/${id}`);
    slow = await api.createWebhook(`${sink.url}/slow/${id}`);
    active = await api.ingest({ type: "grant.active", grant_id: "g" });
    revoked = await api.ingest({ type: "grant.revoked", grant_id: "g" });
    await until(async () => {
      const states = (await api.deliveries()).map(({ state }) => state).sort();
      return states.join() === "delivered,delivered,delivering,failed,failed,pending";
    });
  });

  afterAll(async () => {
    await deployment?.close();
    await sink.close();
  });

  const summary = (deliveries: DeliveryJson[]) =>
    deliveries.map(({ channel_id, event_type, state }) => {
      const channel = new Map([
        [good.id, "good"],
        [bad.id, "bad"],
        [slow.id, "slow"],
      ]).get(channel_id);
      return `${channel} ${event_type} ${state}`;
    });

  test("newest first, without attempts", async () => {
    const all = await tenant.api.deliveries();
    expect(all.map(({ id }) => id)).toEqual(
      all
        .map(({ id }) => id)
        .sort()
        .reverse(),
    );
    expect(all.slice(0, 3).map(({ event_type }) => event_type)).toEqual(Array(3).fill("grant.revoked"));
    expect(all.every(({ attempts }) => attempts.length === 0)).toBe(true);
  });

  test.each<[filter: () => Record<string, string>, expected: string[]]>([
    [() => ({ channel_id: good.id }), ["good grant.active delivered", "good grant.revoked delivered"]],
    [() => ({ channel_id: slow.id }), ["slow grant.active delivering", "slow grant.revoked pending"]],
    [() => ({ state: "delivering" }), ["slow grant.active delivering"]],
    [() => ({ state: "pending" }), ["slow grant.revoked pending"]],
    [() => ({ state: "failed" }), ["bad grant.active failed", "bad grant.revoked failed"]],
    [() => ({ state: "cancelled" }), []],
    [
      () => ({ event_id: active.id }),
      ["bad grant.active failed", "good grant.active delivered", "slow grant.active delivering"],
    ],
    [() => ({ event_type: "grant.revoked", state: "delivered" }), ["good grant.revoked delivered"]],
    [() => ({ event_id: revoked.id, channel_id: bad.id }), ["bad grant.revoked failed"]],
    [() => ({ event_id: active.id, event_type: "grant.revoked" }), []],
    [() => ({ eventType: "grant.revoked", channelId: slow.id }), ["slow grant.revoked pending"]],
    [() => ({ channel_id: crypto.randomUUID() }), []],
  ])("filter %#", async (filter, expected) => {
    expect(summary(await tenant.api.deliveries(filter())).sort()).toEqual(expected);
  });

  test("pages of any size together make the whole list", async () => {
    const all = (await tenant.api.deliveries()).map(({ id }) => id);
    for (const size of ["1", "2", "6", "7"]) {
      expect((await tenant.api.deliveries({ page_size: size })).map(({ id }) => id)).toEqual(all);
    }
    const failed = await tenant.api.deliveries({ state: "failed", page_size: "1" });
    expect(summary(failed)).toEqual(["bad grant.revoked failed", "bad grant.active failed"]);
    // What comes in meanwhile is newer and does not shift the pages that follow.
    const first = await tenant.api.send<{ deliveries: DeliveryJson[]; next_page_token: string }>(
      "GET",
      "/v1/deliveries?page_size=2",
    );
    await tenant.api.ingest({ type: "grant.expired", grant_id: "other" });
    const rest = await tenant.api.deliveries({ page_size: "2", page_token: first.body.next_page_token });
    expect([...first.body.deliveries, ...rest].map(({ id }) => id)).toEqual(all);
  });

  test("one delivery, with its attempts", async () => {
    const [listed] = await tenant.api.deliveries({ channel_id: bad.id, event_id: active.id });
    expect(await tenant.api.delivery(listed?.id ?? "")).toMatchObject({
      id: listed?.id,
      event_id: active.id,
      event_type: "grant.active",
      channel_id: bad.id,
      channel_type: "generic_webhook",
      state: "failed",
      attempt_count: 1,
      duplicate_of: "",
      last_error: "HTTP 410",
      created_at: expect.stringMatching(/Z$/),
      completed_at: expect.stringMatching(/Z$/),
      attempts: [
        {
          number: 1,
          started_at: expect.stringMatching(/Z$/),
          duration_ms: expect.any(Number),
          outcome: "failed",
          status_code: 410,
          response: "ok",
          error: "HTTP 410",
        },
      ],
    });
  });

  test("an open delivery says when it is due", async () => {
    const [held] = await tenant.api.deliveries({ state: "delivering" });
    const delivery = await tenant.api.delivery(held?.id ?? "");
    expect(delivery).toMatchObject({ attempt_count: 1, attempts: [], next_attempt_at: expect.any(String) });
    expect(delivery).not.toHaveProperty("completed_at");
  });

  test("another tenant finds nothing", async () => {
    const other = await deployment.newTenant();
    const [delivery] = await tenant.api.deliveries();
    expect(await other.api.deliveries()).toEqual([]);
    expect(await other.api.deliveries({ channel_id: good.id })).toEqual([]);
    expect(await other.api.deliveries({ event_id: active.id })).toEqual([]);
    expect(await other.api.send("GET", `/v1/deliveries/${delivery?.id}`)).toMatchObject({
      status: 404,
      body: { code: "not_found" },
    });
  });

  test("the log outlives the channel", async () => {
    await tenant.api.deleteChannel(bad.id);
    const deliveries = await tenant.api.deliveries({ channel_id: bad.id, event_id: active.id });
    expect(deliveries).toMatchObject([{ channel_type: "generic_webhook", state: "failed" }]);
  });
});
