import { afterAll, beforeAll, describe, expect, test } from "vitest";
import { type Deployment, deploy, type Tenant } from "../e2e/deployment.ts";
import { backends } from "../e2e/home.ts";
import { type HttpSink, startHttpSink } from "../sinks/http-sink.ts";

// "Did the break-glass alarm reach the security team at 03:12?"

describe.each(backends)("%s", (backend) => {
  let deployment: Deployment;
  let sink: HttpSink;
  let tenant: Tenant;
  let security: { id: string };
  let broken: { id: string };
  let alarm: { id: string };
  let request: { id: string };

  beforeAll(async () => {
    sink = await startHttpSink();
    deployment = await deploy(backend);
    tenant = await deployment.newTenant();
    const { api } = tenant;
    sink.respond("/gone", { status: 410, body: "no such hook" });
    security = await api.createWebhook(`${sink.url}/security?token=very-secret-token`, {
      headers: { authorization: "Bearer very-secret-value" },
    });
    broken = await api.createWebhook(`${sink.url}/gone`);
    request = await api.ingest({ type: "request.pending", request_id: "req-1", requester: "alice" });
    await api.settled(request.id);
    alarm = await api.ingest({
      type: "request.break_glass",
      request_id: "req-2",
      idempotency_key: "alarm",
      attributes: { nul: "\u0000" },
    });
    await api.settled(alarm.id);
  });

  afterAll(async () => {
    await deployment?.close();
    await sink.close();
  });

  const found = async (path: string) => {
    const { status, body } = await tenant.api.send<{
      deliveries: { event_id: string; channel_id: string; state: string }[];
    }>("GET", path);
    expect(status, JSON.stringify(body)).toBe(200);
    return body.deliveries.map(({ event_id, channel_id, state }) =>
      [
        event_id === alarm.id ? "alarm" : "request",
        channel_id === security.id ? "security" : "broken",
        state,
      ].join(" "),
    );
  };

  test("by type, request, state, channel and event, each over every path that leads there", async () => {
    const ofAlarm = ["alarm broken failed", "alarm security delivered"];
    const sorted = async (path: string) => (await found(path)).sort();
    expect(await sorted("/v1/deliveries?event_type=request.break_glass")).toEqual(ofAlarm);
    expect(await sorted("/v1/deliveries?request_id=req-2")).toEqual(ofAlarm);
    expect(await sorted(`/v1/events/${alarm.id}/deliveries`)).toEqual(ofAlarm);
    expect(await sorted(`/v1/notification-channels/${broken.id}/deliveries`)).toEqual([
      "alarm broken failed",
      "request broken failed",
    ]);
    expect(await sorted(`/v1/deliveries?state=failed&channel_id=${security.id}`)).toEqual([]);
    expect(await sorted("/v1/deliveries?state=failed&request_id=req-1")).toEqual(["request broken failed"]);
    expect(await sorted("/v1/deliveries?state=delivered")).toEqual([
      "alarm security delivered",
      "request security delivered",
    ]);
    expect(await sorted("/v1/deliveries?state=pending")).toEqual([]);
    expect(await sorted("/v1/deliveries?request_id=req-3")).toEqual([]);
  });

  test("with the request that each is about, in the list as in the one", async () => {
    const { body } = await tenant.api.send<{
      deliveries: { id: string; event_id: string; request_id: string }[];
    }>("GET", "/v1/deliveries");
    expect(body.deliveries).toHaveLength(4);
    for (const { id, event_id, request_id } of body.deliveries) {
      expect(request_id).toBe(event_id === alarm.id ? "req-2" : "req-1");
      const one = await tenant.api.send<{ request_id: string }>("GET", `/v1/deliveries/${id}`);
      expect(one.body.request_id).toBe(request_id);
    }
  });

  test("by time, to the moment", async () => {
    const all = await tenant.api.deliveries();
    const at = all[0]?.created_at ?? "";
    expect(all).toHaveLength(4);
    expect(await found(`/v1/deliveries?since=${at}`)).toHaveLength(2);
    expect(await found(`/v1/deliveries?until=${at}`)).toHaveLength(2);
    expect(await found(`/v1/deliveries?until=${at}&state=failed`)).toEqual(["request broken failed"]);
    expect(await found("/v1/deliveries?since=2020-01-01T00:00:00Z&until=2020-01-02T00:00:00Z")).toEqual([]);
  });

  test("in pages without gaps, with every filter", async () => {
    for (const filter of ["", "state=failed&", "event_type=request.pending&", "request_id=req-2&"]) {
      const whole = await found(`/v1/deliveries?${filter}page_size=200`);
      const pieces: string[] = [];
      let token = "";
      do {
        const path = `/v1/deliveries?${filter}page_size=1&page_token=${token}`;
        pieces.push(...(await found(path)));
        token = (await tenant.api.send<{ next_page_token: string }>("GET", path)).body.next_page_token;
      } while (token !== "");
      expect(pieces, filter).toEqual(whole);
    }
  });

  test("each attempt with what was sent and what came back, without secrets", async () => {
    const [delivery] = await tenant.api.deliveries({ event_id: alarm.id, channel_id: security.id });
    const { body } = await tenant.api.send<{ attempts: Record<string, unknown>[] }>(
      "GET",
      `/v1/deliveries/${delivery?.id}`,
    );
    const sent = sink.to("/security").find(({ body }) => body.includes(alarm.id))?.body ?? "";
    expect(body.attempts).toMatchObject([
      {
        number: 1,
        outcome: "delivered",
        status_code: 200,
        response: "ok",
        request: { method: "POST", target: sink.url, size_bytes: Buffer.byteLength(sent) },
      },
    ]);
    expect(JSON.stringify(body)).toContain("authorization");
    expect(JSON.stringify(body)).not.toContain("very-secret");
  });

  test("the event as it was stored", async () => {
    const { status, body } = await tenant.api.send("GET", `/v1/events/${alarm.id}`);
    expect(status).toBe(200);
    expect(body).toMatchObject({
      id: alarm.id,
      type: "request.break_glass",
      idempotency_key: "alarm",
      payload: { type: "request.break_glass", request_id: "req-2", attributes: { nul: "\u0000" } },
    });
    expect((await tenant.api.send("GET", `/v1/events/${broken.id}`)).status).toBe(404);
  });

  test("the questions that make no sense are refused", async () => {
    for (const query of ["state=lost", "event_type=grant.lost", "since=yesterday", "channel_id=1"]) {
      expect((await tenant.api.send("GET", `/v1/deliveries?${query}`)).status, query).toBe(400);
    }
  });
});
