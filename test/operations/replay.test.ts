import { randomBytes } from "node:crypto";
import { afterAll, beforeAll, describe, expect, test, vi } from "vitest";
import { createApi } from "../e2e/api.ts";
import { type Deployment, deploy, quick, type Tenant } from "../e2e/deployment.ts";
import { backends, makeHome } from "../e2e/home.ts";
import { openOperator } from "../e2e/operator.ts";
import { type HttpSink, startHttpSink } from "../sinks/http-sink.ts";
import { type Service, startService } from "../support/service.ts";
import { until } from "../support/until.ts";

interface ReplayJson {
  id: string;
  state: string;
  total: number;
  created: number;
  states: Record<string, number>;
}

vi.setConfig({ testTimeout: 180_000 });

/** The embedded database on a busy machine takes its time. */
const patiently = { timeoutMs: 50_000 };

const since = "2020-01-01T00:00:00Z";

describe.each(backends)("%s", (backend) => {
  let deployment: Deployment;
  let sink: HttpSink;
  let tenant: Tenant;

  beforeAll(async () => {
    sink = await startHttpSink();
    deployment = await deploy(backend);
  });

  afterAll(async () => {
    await deployment?.close();
    await sink.close();
  });

  const start = async (body: object, status = 201) => {
    const reply = await tenant.api.send<ReplayJson>("POST", "/v1/replays", body);
    expect(reply.status, JSON.stringify(reply.body)).toBe(status);
    return reply.body;
  };

  const ended = (id: string, states: Record<string, number>) =>
    until(async () => {
      const { body } = await tenant.api.send<ReplayJson>("GET", `/v1/replays/${id}`);
      expect(body).toMatchObject({ state: "completed", states });
      return body;
    }, patiently);

  test("one delivery goes out again although it is a duplicate, and says whose", async () => {
    tenant = await deployment.newTenant();
    const path = `/one/${tenant.id}`;
    await tenant.api.createWebhook(`${sink.url}${path}`);
    const first = await tenant.api.deliverOne({ type: "request.break_glass", request_id: "r" });
    expect(await start({ delivery_id: first.id, dry_run: true })).toMatchObject({ id: "", total: 1 });
    expect(sink.to(path)).toHaveLength(1);
    const replay = await start({ delivery_id: first.id });
    await ended(replay.id, { delivered: 1 });
    expect(sink.to(path)).toHaveLength(2);
    const [again] = await tenant.api.deliveries();
    expect(again).toMatchObject({ replay_id: replay.id, replay_of: first.id, event_id: first.event_id });
  });

  test("what a replay has sent is not sent again for an equal event that comes later", async () => {
    tenant = await deployment.newTenant();
    const path = `/later/${tenant.id}`;
    sink.respond(path, { status: 410 });
    await tenant.api.createWebhook(`${sink.url}${path}`);
    const event = { type: "request.break_glass", request_id: "r" };
    const first = await tenant.api.deliverOne(event);
    expect(first.state).toBe("failed");
    sink.respond(path, { status: 200 });
    const replay = await start({ delivery_id: first.id });
    await ended(replay.id, { delivered: 1 });
    const [again] = await tenant.api.deliveries();
    expect(again).toMatchObject({ replay_id: replay.id });
    expect(await tenant.api.deliverOne(event)).toMatchObject({
      state: "deduplicated",
      duplicate_of: again?.id,
    });
    expect(sink.to(path)).toHaveLength(2);
  });

  test("one whose event has a character that PostgreSQL's JSON cannot hold, and so can all others", async () => {
    tenant = await deployment.newTenant();
    const path = `/nul/${tenant.id}`;
    await tenant.api.createWebhook(`${sink.url}${path}`);
    const odd = { type: "grant.active", grant_id: "g", attributes: { text: "a\u0000b" } };
    const first = await tenant.api.deliverOne(odd);
    await ended((await start({ delivery_id: first.id })).id, { delivered: 1 });
    const other = await tenant.api.deliverOne({ type: "grant.active", grant_id: "other" });
    await ended((await start({ delivery_id: other.id })).id, { delivered: 1 });
    expect(sink.to(path)).toHaveLength(4);
  });

  test("all that failed on a channel, once", async () => {
    tenant = await deployment.newTenant();
    const path = `/failing/${tenant.id}`;
    sink.respond(path, { status: 410 });
    const channel = await tenant.api.createWebhook(`${sink.url}${path}`);
    for (const n of [1, 2, 3]) await tenant.api.deliverOne({ type: "grant.active", grant_id: `g${n}` });
    sink.respond(path, { status: 200 });
    const failed = { channel_id: channel.id, select: "failed", since };
    expect(await start({ ...failed, dry_run: true })).toMatchObject({ total: 3, created: 0 });
    const replay = await start(failed);
    expect(await ended(replay.id, { delivered: 3 })).toMatchObject({ total: 3, created: 3 });
    const order = sink.to(path).map(({ body }) => JSON.parse(body).data.grant_id);
    expect(order.slice(3).sort()).toEqual(["g1", "g2", "g3"]);
    expect(await start({ ...failed, dry_run: true })).toMatchObject({ total: 0 });
    expect(await ended((await start(failed)).id, {})).toMatchObject({ created: 0 });
  });

  test("all that a new channel has missed and wants, in more than one batch", async () => {
    tenant = await deployment.newTenant();
    const other = `/other/${tenant.id}`;
    await tenant.api.createWebhook(`${sink.url}${other}`);
    const events = Array.from({ length: 1_100 }, (_, n) => ({
      type: n % 11 === 0 ? "grant.expired" : "grant.active",
      grant_id: `g${n}`,
    }));
    for (const part of [events.slice(0, 1_000), events.slice(1_000)]) {
      expect((await tenant.api.send("POST", "/v1/events:batch", { events: part })).status).toBe(202);
    }
    const path = `/new/${tenant.id}`;
    const channel = await tenant.api.createWebhook(`${sink.url}${path}`, { event_filters: ["grant.active"] });
    const late = await tenant.api.ingest({ type: "grant.active", grant_id: "late" });
    await tenant.api.settled(late.id, patiently.timeoutMs);
    const missed = { channel_id: channel.id, select: "missed", since };
    expect(await start({ ...missed, dry_run: true })).toMatchObject({ total: 1_000 });
    const replay = await start(missed);
    await until(() => sink.to(path).length === 1_001, patiently);
    await ended(replay.id, { delivered: 1_000 });
    expect(new Set(sink.to(path).map(({ body }) => JSON.parse(body).data.grant_id)).size).toBe(1_001);
    expect(await start({ ...missed, dry_run: true })).toMatchObject({ total: 0 });
  });

  test("all that a channel has missed, once, however often that is asked for at once", async () => {
    tenant = await deployment.newTenant();
    const events = Array.from({ length: 600 }, (_, n) => ({ type: "grant.active", grant_id: `g${n}` }));
    await tenant.api.send("POST", "/v1/events:batch", { events });
    const path = `/late/${tenant.id}`;
    const channel = await tenant.api.createWebhook(`${sink.url}${path}`);
    const ask = () =>
      tenant.api.send<ReplayJson>("POST", "/v1/replays", { channel_id: channel.id, select: "missed", since });
    const replies = await Promise.all(Array.from({ length: 8 }, ask));
    for (const { status, body } of replies.filter(({ status }) => status !== 201)) {
      expect({ status, body }).toMatchObject({
        status: 409,
        body: {
          code: "already_exists",
          message: `another replay of the same kind is running on channel ${channel.id}: wait for it, or cancel it`,
        },
      });
    }
    const made = replies.filter(({ status }) => status === 201);
    expect(made.length).toBeGreaterThan(0);
    for (const { body } of made) {
      await until(async () => {
        const replay = (await tenant.api.send<ReplayJson>("GET", `/v1/replays/${body.id}`)).body;
        return replay.state === "completed" && !replay.states.pending && !replay.states.delivering;
      }, patiently);
    }
    expect(sink.to(path)).toHaveLength(600);
  });

  test("all that waited when the channel was disabled, once, and again when that happens to the replay", async () => {
    tenant = await deployment.newTenant();
    const path = `/disabled/${tenant.id}`;
    const channel = await tenant.api.createWebhook(`${sink.url}${path}`, { ordered: false });
    const later = { status: 503, headers: { "retry-after": "30" } };
    const missed = { channel_id: channel.id, select: "missed", since };
    const total = async (body: object) => (await start({ ...body, dry_run: true })).total;
    const disableWith = async (cancelled: number) => {
      await tenant.api.updateChannel(channel.id, { enabled: false });
      await until(async () => {
        const ended = await tenant.api.deliveries({ channel_id: channel.id, state: "cancelled" });
        return ended.length === cancelled;
      }, patiently);
      await tenant.api.updateChannel(channel.id, { enabled: true });
    };

    const early = await tenant.api.deliverOne({ type: "grant.active", grant_id: "early" });
    expect(early.state).toBe("delivered");
    sink.respond(path, later);
    for (const n of [1, 2, 3]) await tenant.api.ingest({ type: "grant.active", grant_id: `g${n}` });
    await until(() => sink.to(path).length > 1);
    await disableWith(3);
    expect(await total(missed)).toBe(3);
    expect(await total({ ...missed, select: "failed" })).toBe(0);

    const before = sink.to(path).length;
    const interrupted = await start(missed);
    await until(() => sink.to(path).length > before);
    await disableWith(6);
    expect((await tenant.api.send<ReplayJson>("GET", `/v1/replays/${interrupted.id}`)).body.states).toEqual({
      cancelled: 3,
    });
    sink.respond(path, { status: 200 });
    const replay = await start(missed);
    expect(await ended(replay.id, { delivered: 3 })).toMatchObject({ total: 3, created: 3 });
    expect(await total(missed)).toBe(0);
  });

  test("what failed and was replayed to a channel that was then disabled", async () => {
    tenant = await deployment.newTenant();
    const path = `/failed-disabled/${tenant.id}`;
    sink.respond(path, [{ status: 410 }, { status: 503, headers: { "retry-after": "30" } }, {}]);
    const channel = await tenant.api.createWebhook(`${sink.url}${path}`);
    await tenant.api.deliverOne({ type: "grant.active", grant_id: "g" });
    const failed = { channel_id: channel.id, select: "failed", since };
    await start(failed);
    await until(() => sink.to(path).length === 2);
    expect(await start({ ...failed, dry_run: true })).toMatchObject({ total: 0 });
    await tenant.api.updateChannel(channel.id, { enabled: false });
    await until(async () => (await tenant.api.deliveries({ state: "cancelled" })).length === 1, patiently);
    await tenant.api.updateChannel(channel.id, { enabled: true });
    await ended((await start(failed)).id, { delivered: 1 });
    expect(await start({ ...failed, dry_run: true })).toMatchObject({ total: 0 });
  });

  test("one that is cancelled sends no more", async () => {
    tenant = await deployment.newTenant();
    const events = Array.from({ length: 300 }, (_, n) => ({ type: "grant.active", grant_id: `g${n}` }));
    expect((await tenant.api.send("POST", "/v1/events:batch", { events })).status).toBe(202);
    const path = `/slow/${tenant.id}`;
    sink.respond(path, "hang");
    const channel = await tenant.api.createWebhook(`${sink.url}${path}`);
    const { id } = await start({ channel_id: channel.id, select: "missed", since });
    await until(() => sink.to(path).length > 0);
    const { status, body } = await tenant.api.send<ReplayJson>("POST", `/v1/replays/${id}:cancel`);
    expect(status).toBe(200);
    const { cancelled = 0, delivering = 0 } = body.states;
    expect(cancelled).toBeGreaterThan(200);
    expect(cancelled + delivering).toBe(300);
    const [unwanted] = await tenant.api.deliveries({ channel_id: channel.id, state: "cancelled" });
    expect(unwanted).toMatchObject({ last_error: "its replay was cancelled" });
    const again = { channel_id: channel.id, select: "missed", since, dry_run: true };
    expect(await start(again)).toMatchObject({ total: 0 });
    const listed = await tenant.api.send<{ replays: ReplayJson[] }>("GET", "/v1/replays");
    expect(listed.body.replays).toMatchObject([{ id, total: 300 }]);
    const trail = await tenant.api.send<{ audit_events: object[] }>(
      "GET",
      `/v1/audit-events?resource_type=replay&resource_id=${id}`,
    );
    const byKey = { actor_type: "api_key", actor_id: expect.any(String), request_id: expect.any(String) };
    expect(trail.body.audit_events).toMatchObject([
      { action: "cancelled", ...byKey },
      { action: "created", ...byKey },
    ]);
    await tenant.api.deleteChannel(channel.id);
  });

  test("what cannot be replayed is refused in words", async () => {
    tenant = await deployment.newTenant();
    const channel = await tenant.api.createWebhook(`${sink.url}/off`, { enabled: false });
    const nobody = "0190a0b0-0000-7000-8000-000000000000";
    await start({ delivery_id: nobody }, 404);
    await start({ channel_id: nobody, select: "failed", since }, 404);
    await start({ channel_id: channel.id, select: "failed", since }, 400);
    await start({ channel_id: channel.id, since }, 400);
    await start({}, 400);
    expect((await tenant.api.send("GET", `/v1/replays/${nobody}`)).status).toBe(404);
    expect((await tenant.api.send("POST", `/v1/replays/${nobody}:cancel`)).status).toBe(404);
  });
});

test("a worker carries a replay on when the process that took the call dies", async () => {
  const sink = await startHttpSink();
  const home = await makeHome("PostgreSQL and Redis");
  const env = { ...quick, ...home.env, JITSUDO_ENCRYPTION_KEYS: randomBytes(32).toString("base64") };
  const services: Service[] = [];
  const start = async (role: string) => {
    const service = await startService({ dataDir: home.dataDir, env: { ...env, JITSUDO_ROLE: role } });
    services.push(service);
    return service;
  };
  try {
    const first = await start("api");
    const operator = await openOperator(home);
    const { id: tenantId } = await operator.run("tenants create", { name: "replaying" });
    const { api_key: apiKey } = await operator.run("keys create", { name: "k", tenant: tenantId });
    await operator.close();
    const api = createApi(first.url, apiKey, tenantId);
    for (const part of [0, 1]) {
      const events = Array.from({ length: 800 }, (_, n) => ({
        type: "grant.active",
        grant_id: `g${part} ${n}`,
      }));
      expect((await api.send("POST", "/v1/events:batch", { events })).status).toBe(202);
    }
    const channel = await api.createWebhook(`${sink.url}/new`);
    const asked = { channel_id: channel.id, select: "missed", since };
    const { body } = await api.send<ReplayJson>("POST", "/v1/replays", asked);
    expect(body).toMatchObject({ state: "running", total: 1_600, created: 500 });
    await first.kill();

    await start("worker");
    await until(() => sink.to("/new").length >= 1_600, { timeoutMs: 40_000 });
    const again = createApi((await start("api")).url, apiKey, tenantId);
    const done = await until(async () => {
      const reply = await again.send<ReplayJson>("GET", `/v1/replays/${body.id}`);
      return reply.body.states.delivered === 1_600 && reply.body;
    }, patiently);
    expect(done).toMatchObject({ state: "completed", created: 1_600 });
    expect(sink.to("/new")).toHaveLength(1_600);
  } finally {
    for (const service of services) await service.close();
    home.remove();
    await sink.close();
  }
});
