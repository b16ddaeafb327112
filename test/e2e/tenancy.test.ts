import { afterAll, beforeAll, describe, expect, test } from "vitest";
import { Code, createNotificationsClient } from "../../src/clients/connect.ts";
import { type HttpSink, startHttpSink } from "../sinks/http-sink.ts";
import { until } from "../support/until.ts";
import { type Deployment, deploy } from "./deployment.ts";
import { backends } from "./home.ts";

// Two tenants in one service: neither sees nor influences the other, whichever method it calls.

describe.each(backends)("%s", (backend) => {
  let deployment: Deployment;
  let sink: HttpSink;

  beforeAll(async () => {
    sink = await startHttpSink();
    deployment = await deploy(backend, {
      JITSUDO_ATTEMPT_TIMEOUT_MS: "60000",
      JITSUDO_CHANNEL_CONCURRENCY: "4",
    });
  });

  afterAll(async () => {
    await deployment?.close();
    await sink.close();
  });

  async function tenantWithWebhook() {
    const tenant = await deployment.newTenant();
    const path = `/${tenant.id}`;
    return { ...tenant, path, channel: await tenant.api.createWebhook(sink.url + path) };
  }

  test("REST: another tenant's channels and deliveries are not there", async () => {
    const owner = await tenantWithWebhook();
    const stranger = await tenantWithWebhook();
    const delivery = await owner.api.deliverOne({ type: "grant.active" });

    const path = `/v1/notification-channels/${owner.channel.id}`;
    for (const reply of [
      await stranger.api.send("GET", path),
      await stranger.api.send("PUT", path, { name: "mine", enabled: false }),
      await stranger.api.send("DELETE", path),
      await stranger.api.send("GET", `/v1/deliveries/${delivery.id}`),
    ]) {
      expect(reply).toMatchObject({ status: 404, body: { code: "not_found" } });
    }
    const list = await stranger.api.send("GET", "/v1/notification-channels");
    expect(list.body).toEqual({ channels: [stranger.channel], next_page_token: "" });
    for (const filter of [{}, { channel_id: owner.channel.id }, { event_id: delivery.event_id }]) {
      expect(await stranger.api.deliveries(filter)).toEqual([]);
    }
    expect(await owner.api.channel(owner.channel.id)).toMatchObject({ name: "webhook", enabled: true });
  });

  test("a page token of another tenant opens nothing of it", async () => {
    const owner = await tenantWithWebhook();
    await owner.api.createWebhook(sink.url + owner.path);
    const page = await owner.api.send<{ next_page_token: string }>(
      "GET",
      "/v1/notification-channels?page_size=1",
    );
    const stranger = await tenantWithWebhook();
    const token = page.body.next_page_token;
    const list = await stranger.api.send("GET", `/v1/notification-channels?page_token=${token}`);
    expect(list).toMatchObject({ status: 200, body: { channels: [{ id: stranger.channel.id }] } });
  });

  test("gRPC: the same methods answer the same", async () => {
    const owner = await tenantWithWebhook();
    const stranger = await tenantWithWebhook();
    const delivery = await owner.api.deliverOne({ type: "grant.active" });
    const client = createNotificationsClient({
      baseUrl: deployment.service.url,
      apiKey: stranger.apiKey,
      tenantId: stranger.id,
    });
    const { id } = owner.channel;
    const calls = await Promise.allSettled([
      client.channels.getChannel({ id }),
      client.channels.updateChannel({ id, name: "mine" }),
      client.channels.deleteChannel({ id }),
      client.deliveries.getDelivery({ id: delivery.id }),
    ]);
    for (const call of calls) {
      expect(call).toMatchObject({ status: "rejected", reason: { code: Code.NotFound } });
    }
    const { channels } = await client.channels.listChannels({});
    expect(channels.map((channel) => channel.id)).toEqual([stranger.channel.id]);
    expect((await client.deliveries.listDeliveries({ channelId: id })).deliveries).toEqual([]);
    client.close();
    expect(await owner.api.channel(id)).toMatchObject({ name: "webhook" });
  });

  test("an event reaches the channels of its own tenant alone, by each way of sending", async () => {
    const sender = await tenantWithWebhook();
    const bystander = await tenantWithWebhook();
    const one = await sender.api.ingest({ type: "request.break_glass", request_id: "1" });
    expect(one.deliveries).toBe(1);
    await sender.api.send("POST", "/v1/events:batch", {
      events: [{ type: "grant.active", request_id: "2" }],
    });
    const client = createNotificationsClient({
      baseUrl: deployment.service.url,
      apiKey: sender.apiKey,
      tenantId: sender.id,
    });
    async function* events() {
      yield { events: [{ type: "grant.active", requestId: "3" }] };
    }
    for await (const { results } of client.events.streamEvents(events())) expect(results).toHaveLength(1);
    client.close();
    await until(() => sink.to(sender.path).length === 3);
    for (const { body } of sink.to(sender.path)) expect(JSON.parse(body).tenant_id).toBe(sender.id);
    await until(async () => (await sender.api.deliveries({ state: "delivered" })).length === 3);
    expect(sink.to(bystander.path)).toEqual([]);
    expect(await bystander.api.deliveries()).toEqual([]);
  });

  test("a tenant whose endpoints hang and whose backlog grows delays nobody else", async () => {
    const noisy = await tenantWithWebhook();
    sink.respond(noisy.path, "hang");
    const events = Array.from({ length: 1_000 }, (_, number) => ({
      type: "grant.active",
      request_id: `${number}`,
    }));
    await noisy.api.send("POST", "/v1/events:batch", { events });
    await until(() => sink.to(noisy.path).length === 4);

    const quiet = await tenantWithWebhook();
    const startedAt = performance.now();
    expect(await quiet.api.deliverOne({ type: "grant.active" })).toMatchObject({ state: "delivered" });
    expect(performance.now() - startedAt).toBeLessThan(10_000);
    expect(sink.to(noisy.path)).toHaveLength(4);
    await noisy.api.deleteChannel(noisy.channel.id);
  });
});
