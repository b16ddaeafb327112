import fc from "fast-check";
import { afterAll, beforeAll, describe, expect, test } from "vitest";
import { createNotificationsClient, type IngestEventResult } from "../../src/clients/connect.ts";
import { type HttpSink, startHttpSink } from "../sinks/http-sink.ts";
import { until } from "../support/until.ts";
import type { ErrorJson, IngestedJson } from "./api.ts";
import { type Deployment, deploy } from "./deployment.ts";
import { backends } from "./home.ts";

// Events one by one, in batches and in streams; idempotency keys.

interface ResultJson {
  accepted?: IngestedJson;
  rejected?: { message: string; detail: { code: string; fields: { field: string; message: string }[] } };
}

const nth = (number: number) => ({ type: "grant.active", request_id: `req-${number}` });

describe.each(backends)("%s", (backend) => {
  let deployment: Deployment;
  let sink: HttpSink;

  beforeAll(async () => {
    sink = await startHttpSink();
    deployment = await deploy(backend);
  });

  afterAll(async () => {
    await deployment?.close();
    await sink.close();
  });

  async function tenantWithWebhook() {
    const tenant = await deployment.newTenant();
    const path = `/${tenant.id}`;
    await tenant.api.createWebhook(sink.url + path);
    return { ...tenant, path };
  }

  test("one event: 202, its id, how many deliveries", async () => {
    const { api } = await tenantWithWebhook();
    const reply = await api.send<IngestedJson>("POST", "/v1/events", nth(1));
    expect(reply.status).toBe(202);
    expect(reply.body).toEqual({
      id: expect.stringMatching(/^[0-9a-f-]{14}-?7[0-9a-f]{3}-[89ab][0-9a-f]{3}-[0-9a-f]{12}$/),
      deliveries: 1,
      replayed: false,
    });
  });

  test("a repeated idempotency key returns the first event, in any protocol and at the same time", async () => {
    const { id, apiKey, api, path } = await tenantWithWebhook();
    const event = { ...nth(1), idempotency_key: "req-1/active", attributes: { b: 1, a: [2] } };
    const first = await api.ingest(event);
    expect(first).toMatchObject({ deliveries: 1, replayed: false });
    expect(await api.ingest(event)).toEqual({ ...first, replayed: true });
    const reordered = { ...event, attributes: { a: [2], b: 1 } };
    expect(await api.ingest(reordered)).toEqual({ ...first, replayed: true });

    const client = createNotificationsClient({ baseUrl: deployment.service.url, apiKey, tenantId: id });
    const { type, attributes } = event;
    const message = { type, attributes, requestId: "req-1", idempotencyKey: "req-1/active" };
    expect(await client.events.ingestEvent(message)).toMatchObject({ id: first.id, replayed: true });
    client.close();

    const race = await Promise.all(
      Array.from({ length: 30 }, () => api.ingest({ ...nth(2), idempotency_key: "race" })),
    );
    expect(new Set(race.map((ingested) => ingested.id)).size).toBe(1);
    expect(race.filter(({ replayed }) => !replayed)).toHaveLength(1);

    await api.settled(first.id);
    await api.settled(race[0]?.id ?? "");
    expect(await api.deliveries()).toHaveLength(2);
    expect(sink.to(path)).toHaveLength(2);
    // A key says nothing to other tenants.
    const other = await tenantWithWebhook();
    expect(await other.api.ingest(event)).toMatchObject({ replayed: false });
  });

  test("the key is no part of the payload, and conflicts leave no trace", async () => {
    const { api, path } = await tenantWithWebhook();
    await api.ingest({ ...nth(1), idempotency_key: "k" });
    const conflict = await api.send("POST", "/v1/events", { ...nth(2), idempotency_key: "k" });
    expect(conflict).toMatchObject({ status: 409, body: { code: "already_exists" } });
    await until(() => sink.to(path).length === 1);
    expect(sink.to(path)[0]?.body).not.toContain("idempotency_key");
    expect(await api.deliveries()).toHaveLength(1);
  });

  test("a batch answers for each event, in order; bad ones do not hold up the others", async () => {
    const { api, path } = await tenantWithWebhook();
    const events = [
      { ...nth(1), idempotency_key: "one" },
      { type: "grant.nonsense", duration_seconds: -1 },
      { ...nth(2) },
      { ...nth(1), idempotency_key: "one" },
      { ...nth(3), idempotency_key: "one" },
      {},
    ];
    const reply = await api.send<{ results: ResultJson[] }>("POST", "/v1/events:batch", { events });
    expect(reply.status).toBe(202);
    const [first, bad, second, again, conflict, empty] = reply.body.results;
    expect(reply.body.results).toHaveLength(events.length);
    expect(first?.accepted).toMatchObject({ deliveries: 1, replayed: false });
    expect(bad?.rejected?.detail.code).toBe("invalid_argument");
    expect(bad?.rejected?.detail.fields.map(({ field }) => field)).toEqual(["type", "duration_seconds"]);
    expect(second?.accepted).toMatchObject({ deliveries: 1, replayed: false });
    expect(again?.accepted).toEqual({ ...first?.accepted, replayed: true });
    expect(conflict?.rejected?.detail.code).toBe("already_exists");
    expect(empty?.rejected?.detail.fields.map(({ field }) => field)).toEqual(["type"]);
    await until(() => sink.to(path).length === 2);
  });

  test("a batch of a thousand is taken at once, and delivered", async () => {
    const { api, path } = await tenantWithWebhook();
    const events = Array.from({ length: 1_000 }, (_, number) => nth(number));
    const { body } = await api.send<{ results: ResultJson[] }>("POST", "/v1/events:batch", { events });
    const ids = body.results.map(({ accepted }) => accepted?.id ?? "");
    expect(new Set(ids).size).toBe(1_000);
    expect([...ids].sort()).toEqual(ids);
    await until(async () => (await api.deliveries({ state: "delivered" })).length === 1_000, {
      timeoutMs: 30_000,
      intervalMs: 200,
    });
    const arrived = sink.to(path).map(({ body }) => JSON.parse(body));
    expect(new Set(arrived.map(({ id }) => id))).toEqual(new Set(ids));
    expect(arrived).toHaveLength(1_000);
  });

  test("what is sent together arrives as it was sent, control characters, quotes and all", async () => {
    const { api, path } = await tenantWithWebhook();
    const controls = Array.from({ length: 0x21 }, (_, code) => String.fromCharCode(code)).join('\\"{},null');
    const odd = fc.sample(fc.dictionary(fc.string({ unit: "binary-ascii" }), fc.jsonValue()), 49);
    const all = [{ controls, [controls]: "x" }, ...odd].map((attributes, number) => ({
      ...nth(number),
      attributes: JSON.parse(JSON.stringify(attributes)),
    }));
    const { body } = await api.send<{ results: ResultJson[] }>("POST", "/v1/events:batch", { events: all });
    const sent = body.results.map(({ accepted }, index) => [accepted?.id, all[index]?.attributes]);
    await until(() => sink.to(path).length === all.length);
    const arrived = sink.to(path).map(({ body }) => JSON.parse(body));
    expect(new Map(arrived.map(({ id, data }) => [id, data.attributes]))).toEqual(new Map(sent as never));
  });

  test("a time may be the last one that there is, in any fraction of a second", async () => {
    const { api } = await tenantWithWebhook();
    const last = "9999-12-31T23:59:59.9999999Z";
    const { body } = await api.send<{ results: ResultJson[] }>("POST", "/v1/events:batch", {
      events: [
        { ...nth(1), deliver_before: last },
        { ...nth(2), type: "grant.expiring_soon", expires_at: last },
        { ...nth(3), expires_at: last, occurred_at: last },
      ],
    });
    expect(body.results).toMatchObject(Array(3).fill({ accepted: { deliveries: 1 } }));
    for (const { accepted } of body.results) {
      expect(await api.settled(accepted?.id ?? "")).toMatchObject([{ state: "delivered" }]);
    }
    expect(await api.deliveries({ until: last })).toHaveLength(3);
    expect(await api.deliveries({ since: last })).toEqual([]);
  });

  test("attributes may be large, but not so large that they hold others up", async () => {
    const { api } = await tenantWithWebhook();
    const send = (text: string) =>
      api.send<ErrorJson>("POST", "/v1/events", { ...nth(1), attributes: { text } });
    const most = 65_536 - '{"text":""}'.length;
    expect((await send("x".repeat(most))).status).toBe(202);
    for (const text of ["x".repeat(most + 1), "é".repeat(most / 2 + 1), "x".repeat(3_000_000)]) {
      const { status, body } = await send(text);
      expect(status).toBe(400);
      expect(body.details.fields).toMatchObject([{ field: "attributes" }]);
      expect(body.message).toContain("at most 65536 bytes");
    }
  });

  test("a stream is acknowledged in order, each request once its events are committed", async () => {
    const { id, apiKey, api, path } = await tenantWithWebhook();
    const client = createNotificationsClient({ baseUrl: deployment.service.url, apiKey, tenantId: id });
    const requests = 100;
    const perRequest = 5;
    async function* send() {
      for (let request = 0; request < requests; request++) {
        const events = Array.from({ length: perRequest }, (_, place) => {
          const number = request * perRequest + place;
          return { type: number === 251 ? "nonsense" : "grant.active", idempotencyKey: `stream-${number}` };
        });
        yield { events };
      }
    }
    const results: IngestEventResult[] = [];
    for await (const response of client.events.streamEvents(send())) {
      expect(response.results).toHaveLength(perRequest);
      results.push(...response.results);
      if (results.length !== perRequest) continue;
      // The stream is still open, and the first events are there for everybody.
      const first = results[0]?.result;
      if (first?.case !== "accepted") throw new Error(`Not accepted: ${first?.value?.message}`);
      expect(await api.deliveries({ event_id: first.value.id })).toHaveLength(1);
    }
    client.close();

    expect(results).toHaveLength(requests * perRequest);
    for (const [number, { result }] of results.entries()) {
      expect(result.case).toBe(number === 251 ? "rejected" : "accepted");
      if (number % 100 !== 0 || result.case !== "accepted") continue;
      // The key tells which event an acknowledgement was for.
      const again = await api.ingest({ type: "grant.active", idempotency_key: `stream-${number}` });
      expect(again).toMatchObject({ id: result.value.id, replayed: true });
    }
    // All but their keys is equal, so all but one are duplicates.
    await until(async () => (await api.deliveries({ state: "deduplicated" })).length === 498, {
      timeoutMs: 30_000,
      intervalMs: 200,
    });
    expect(sink.to(path)).toHaveLength(1);
  });

  test("no endpoint holds an ingest call up", async () => {
    const { api } = await deployment.newTenant();
    const { id } = await deployment.newTenant();
    sink.respond(`/slow-${id}`, "hang");
    await api.createWebhook(`${sink.url}/slow-${id}`);
    await api.createWebhook("http://127.0.0.1:1/refused");
    const startedAt = performance.now();
    for (let number = 0; number < 50; number++) await api.ingest(nth(number));
    expect((performance.now() - startedAt) / 50).toBeLessThan(200);
  });
});
