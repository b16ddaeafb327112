import { randomUUID } from "node:crypto";
import { Code, ConnectError, createClient } from "@connectrpc/connect";
import { createGrpcTransport } from "@connectrpc/connect-node";
import { afterEach, beforeEach, describe, expect, inject, test } from "vitest";
import { DeliveryService } from "../../gen/jitsudo/notifications/v1/delivery_pb.js";
import { EventIngestService } from "../../gen/jitsudo/notifications/v1/event_pb.js";
import { type HttpSink, startHttpSink } from "../sinks/http-sink.ts";
import { createDatabase } from "../support/postgres.ts";
import { until } from "../support/until.ts";
import { type Cluster, metric, startCluster } from "./support/cluster.ts";
import { lockRows, lockTable, untilLocked } from "./support/table-locks.ts";
import type { Tenant } from "./support/tenant.ts";

// One bad endpoint, one busy channel, one busy tenant: nobody else notices.

/** Far below the time for which the others keep an endpoint, the queue or the database busy in any of these tests. */
const soonMs = 5_000;

let sink: HttpSink;
let databaseUrl: string;
let cluster: Cluster;

beforeEach(async () => {
  sink = await startHttpSink();
  databaseUrl = await createDatabase(inject("postgresUrl"));
  cluster = await startCluster({ databaseUrl });
});

afterEach(async () => {
  await cluster.close();
  await sink.close();
});

const many = (count: number, fields: Record<string, unknown> = {}) =>
  Array.from({ length: count }, () => ({ type: "grant.active", grant_id: randomUUID(), ...fields }));

/** Sends an event that goes to one channel alone and returns how long its notice took, in milliseconds. */
async function timeOf(tenant: Tenant, path: string, type: string): Promise<number> {
  const before = sink.to(path).length;
  const startedAt = performance.now();
  await tenant.send({ type });
  await sink.waitFor(() => sink.to(path).length > before);
  return performance.now() - startedAt;
}

/** Makes so many more channels like one. */
async function multiply(channelId: string, count: number): Promise<void> {
  await cluster.sql(
    `insert into channel (id, tenant_id, type, name, config, enabled, ordered, event_filters, created_at, updated_at)
     select uuid_v7(), tenant_id, type, name, config, enabled, ordered, event_filters, created_at, updated_at
     from channel, generate_series(1, $2::int) where id = $1`,
    [channelId, count],
  );
}

const lock = (table: string) => lockTable(databaseUrl, table);

describe("other channels of the same tenant", () => {
  test("are not delayed by an endpoint that hangs until its time-out, nor by a Slack channel over its rate", async () => {
    const service = await cluster.start("all", {
      JITSUDO_CONCURRENCY: "16",
      JITSUDO_CHANNEL_CONCURRENCY: "4",
    });
    const tenant = await cluster.tenant(service);
    sink.respond("/hang", "hang");
    await tenant.webhook(`${sink.url}/hang`, { event_filters: ["grant.active"] });
    await tenant.slack(`${sink.url}/slack`, { event_filters: ["grant.active"] });
    await tenant.webhook(`${sink.url}/good`, { event_filters: ["grant.revoked"] });
    await tenant.sendAll(many(200));
    await sink.waitFor(() => sink.to("/hang").length >= 4 && sink.to("/slack").length >= 1);

    for (let i = 0; i < 10; i++) expect(await timeOf(tenant, "/good", "grant.revoked")).toBeLessThan(soonMs);
    // Slack takes about one message a second, and gets no more.
    const slack = sink.to("/slack").map(({ receivedAt }) => receivedAt.getTime());
    const gaps = slack.slice(1).map((time, index) => time - (slack[index] ?? 0));
    expect(Math.min(...gaps, 1000)).toBeGreaterThan(800);
  });
});

describe("turns, where many more are busy than there are slots", () => {
  /** Starts tenants with so many channels each, all with a backlog; returns what each channel of each got of 100 sends. */
  async function sharesOf(channelCounts: number[]): Promise<number[][]> {
    const service = await cluster.start("all", {
      JITSUDO_CONCURRENCY: "2",
      JITSUDO_CHANNEL_CONCURRENCY: "2",
    });
    const paths = channelCounts.map((count, n) => Array.from({ length: count }, (_, m) => `/busy/${n}/${m}`));
    for (const own of paths) {
      const tenant = await cluster.tenant(service);
      for (const path of own) {
        sink.respond(path, { delayMs: 100 });
        await tenant.webhook(sink.url + path);
      }
      await tenant.sendAll(many(200));
    }
    const before = new Map(paths.flat().map((path) => [path, sink.to(path).length]));
    await sink.waitFor(sink.requests.length + 100, 40_000);
    return paths.map((own) => own.map((path) => sink.to(path).length - (before.get(path) ?? 0)));
  }

  const sum = (numbers: number[]) => numbers.reduce((a, b) => a + b, 0);

  test("every tenant gets its turn", async () => {
    const shares = (await sharesOf(Array.from({ length: 10 }, () => 1))).map(sum);
    expect(Math.min(...shares)).toBeGreaterThanOrEqual(5);
    expect(Math.max(...shares)).toBeLessThanOrEqual(20);
  });

  test("every channel of a tenant gets its turn", async () => {
    const [shares = []] = await sharesOf([10]);
    expect(Math.min(...shares)).toBeGreaterThanOrEqual(5);
    expect(Math.max(...shares)).toBeLessThanOrEqual(20);
  });

  test("a tenant with one channel gets as much as one with eight", async () => {
    const [many = 0, one = 0] = (await sharesOf([8, 1])).map(sum);
    expect(one).toBeGreaterThan(many / 2);
    expect(many).toBeGreaterThan(one / 2);
  });
});

describe("other tenants", () => {
  test("are served while one has a large backlog, which goes on as well", async () => {
    const service = await cluster.start("all", {
      JITSUDO_CONCURRENCY: "4",
      JITSUDO_CHANNEL_CONCURRENCY: "4",
    });
    const [busy, quiet] = [await cluster.tenant(service), await cluster.tenant(service)];
    for (let i = 0; i < 5; i++) {
      sink.respond(`/busy/${i}`, { delayMs: 100 });
      await busy.webhook(`${sink.url}/busy/${i}`);
    }
    await quiet.webhook(`${sink.url}/quiet`);
    for (let i = 0; i < 2; i++) await busy.sendAll(many(500));
    await sink.waitFor(4);

    const ofBusy = () => sink.requests.filter(({ path }) => path.startsWith("/busy/")).length;
    for (let i = 0; i < 10; i++) {
      const before = ofBusy();
      // Every slot is in use for 100 ms; a turn is all that the quiet one waits for.
      expect(await timeOf(quiet, "/quiet", "grant.revoked")).toBeLessThan(soonMs);
      await until(() => ofBusy() > before);
    }
    const [left] = await cluster.sql<{ count: number }>("select count(*)::int as count from delivery_queue");
    expect(left?.count).toBeGreaterThan(1000);
  });

  test.each(["request.break_glass", "grant.active"])(
    "keep slots for %s while endpoints of one are slow",
    async (type) => {
      const service = await cluster.start("all", {
        // Of 16 slots, and of 4 for break-glass, a tenant gets three quarters.
        JITSUDO_CONCURRENCY: "16",
        JITSUDO_CHANNEL_CONCURRENCY: "16",
      });
      const [slow, quiet] = [await cluster.tenant(service), await cluster.tenant(service)];
      for (let i = 0; i < 2; i++) {
        sink.respond(`/slow/${i}`, { delayMs: 9_500 });
        await slow.webhook(`${sink.url}/slow/${i}`);
      }
      await quiet.webhook(`${sink.url}/quiet`);
      await slow.sendAll(many(100, { type }));
      const used = type === "grant.active" ? 12 : 3;
      await sink.waitFor(used);
      for (let i = 0; i < 5; i++) expect(await timeOf(quiet, "/quiet", type)).toBeLessThan(soonMs);
      expect(sink.requests.filter(({ path }) => path !== "/quiet")).toHaveLength(used);
    },
  );

  test("are served while breakers hold back more channels than a worker looks at in one round", async () => {
    const service = await cluster.start("all");
    const [dead, quiet] = [await cluster.tenant(service), await cluster.tenant(service)];
    await multiply(await dead.webhook(`${sink.url}/dead`), 1200);
    await cluster.sql(
      `insert into channel_health (channel_id, tenant_id, consecutive_failures, last_error, open_until, failing_since)
       select id, tenant_id, 30, 'x', now() + interval '1 hour', now() from channel`,
    );
    await quiet.webhook(`${sink.url}/quiet`);
    await timeOf(quiet, "/quiet", "grant.active");
    await dead.send();
    for (let i = 0; i < 5; i++) {
      expect(await timeOf(quiet, "/quiet", "grant.active")).toBeLessThan(soonMs);
    }
    expect(sink.to("/dead")).toEqual([]);
  });

  test("with many channels each do not starve one with a single channel", async () => {
    // More channels than a worker looks at in one round, all with something waiting.
    const service = await cluster.start("api", { JITSUDO_CHANNELS_PER_TENANT: "1000" });
    const [busy, quiet] = [await cluster.tenant(service), await cluster.tenant(service)];
    for (let made = 0; made < 540; made += 20) {
      await Promise.all(Array.from({ length: 20 }, () => busy.webhook(`${sink.url}/busy`)));
    }
    sink.respond("/busy", { delayMs: 300 });
    await quiet.webhook(`${sink.url}/quiet`, { ordered: false });
    for (let i = 0; i < 5; i++) await busy.send({ type: "grant.active" });
    await cluster.start("worker", { JITSUDO_CONCURRENCY: "8", JITSUDO_CHANNEL_CONCURRENCY: "8" });
    await sink.waitFor(8);
    for (let i = 0; i < 3; i++) expect(await timeOf(quiet, "/quiet", "grant.revoked")).toBeLessThan(soonMs);
    // Break-glass of a channel in the middle of them all.
    for (let i = 0; i < 3; i++) {
      expect(await timeOf(quiet, "/quiet", "request.break_glass")).toBeLessThan(soonMs);
    }
  });
});

describe("ingest of other tenants", () => {
  test("goes on while one sends events that become very many deliveries, and its own events keep their order", async () => {
    const service = await cluster.start("api");
    const [busy, quiet] = [await cluster.tenant(service), await cluster.tenant(service)];
    await multiply(await busy.webhook(`${sink.url}/busy`), 99);
    await quiet.webhook(`${sink.url}/quiet`);

    let ended = false;
    const subjects = ["r0", "r1", "r2", "r3"];
    const events = many(250).flatMap((event) => subjects.map((id) => ({ ...event, request_id: id })));
    const sent = busy.sendAll(events).finally(() => {
      ended = true;
    });
    const times: number[] = [];
    while (!ended) {
      const startedAt = performance.now();
      await quiet.send();
      times.push(performance.now() - startedAt);
    }
    const ids = await sent;
    expect(Math.max(...times)).toBeLessThan(soonMs);
    expect(times.length).toBeGreaterThan(5);
    for (const [n, subject] of subjects.entries()) {
      const stored = await cluster.sql<{ id: string }>(
        "select event_id as id from delivery_queue where subject = $1 group by event_id order by min(seq)",
        [subject],
      );
      expect(stored.map(({ id }) => id)).toEqual(ids.filter((_, index) => index % subjects.length === n));
    }
  });

  test("has its turn before all of a call's large events are stored", async () => {
    const service = await cluster.start("api");
    const tenant = await cluster.tenant(service);
    const statements = () => metric(service, "jitsudo_batch_size_count");
    // What is about one request is stored in its order, so that all would go at once.
    const event = { type: "grant.active", request_id: "r" };
    await tenant.send(event);
    const before = await statements();
    const reason = "x".repeat(16_000);
    await tenant.sendAll(Array(60).fill({ ...event, reason, attributes: { log: "x".repeat(44_000) } }));
    expect(await statements()).toBe(before + 2);
    await tenant.sendAll(Array(60).fill(event));
    expect(await statements()).toBe(before + 3);
  });

  test("is not refused while one has as many events waiting as it may", async () => {
    const service = await cluster.start("api");
    const [busy, quiet] = [await cluster.tenant(service), await cluster.tenant(service)];
    const release = await lock("event");
    const calls = Array.from({ length: 12 }, () =>
      busy.call("POST", "/v1/events:batch", { events: many(1000) }),
    );
    const message = "the tenant may have no more than 10000 events waiting to be stored";
    const refusal = { status: 429, body: { code: "resource_exhausted", message } };
    expect(await Promise.race(calls)).toMatchObject(refusal);
    const overGrpc = createClient(EventIngestService, createGrpcTransport({ baseUrl: service.url }));
    const refused = await overGrpc
      .ingestEvents(
        { events: many(1000).map(() => ({ type: "grant.active" })) },
        { headers: { "x-api-key": busy.apiKey, "x-tenant-id": busy.id } },
      )
      .catch((error: unknown) => ConnectError.from(error));
    expect(refused).toMatchObject({ code: Code.ResourceExhausted, rawMessage: message });
    expect((refused as ConnectError).metadata.get("retry-after")).toBe("1");

    const waiting = quiet.send();
    await release();
    await waiting;
    const replies = await Promise.all(calls);
    expect(replies.filter(({ status }) => status === 202).length).toBeGreaterThanOrEqual(10);
    await busy.send();
  });

  test("is not refused while one has as large events waiting as it may", async () => {
    const service = await cluster.start("api");
    const [busy, quiet] = [await cluster.tenant(service), await cluster.tenant(service)];
    const release = await lock("event");
    const large = { reason: "x".repeat(16_000), attributes: { log: "x".repeat(44_000) } };
    const calls = Array.from({ length: 8 }, () =>
      busy.call("POST", "/v1/events:batch", { events: many(60, large) }),
    );
    const message = "the tenant may have no more than 16000000 characters of events waiting to be stored";
    const refusal = { status: 429, body: { code: "resource_exhausted", message } };
    expect(await Promise.race(calls)).toMatchObject(refusal);

    const waiting = quiet.send();
    await release();
    await waiting;
    const replies = await Promise.all(calls);
    expect(replies.filter(({ status }) => status === 202).length).toBeGreaterThanOrEqual(4);
    await busy.send();
  });
});

describe("calls", () => {
  test("of one tenant that take long leave the database to others", async () => {
    const service = await cluster.start("api");
    const [busy, quiet] = [await cluster.tenant(service), await cluster.tenant(service)];
    await quiet.call("GET", "/v1/statistics/queue");
    const release = await lock("delivery_statistics");
    // More than the process has connections to the database, and more than may wait.
    const searches = Array.from({ length: 250 }, () => busy.call("GET", "/v1/statistics/deliveries"));
    expect(await Promise.race(searches)).toMatchObject({
      status: 429,
      body: {
        code: "resource_exhausted",
        message: "the tenant may have no more than 200 calls waiting",
      },
    });
    for (const path of ["/v1/deliveries", "/v1/notification-channels", "/v1/statistics/queue"]) {
      expect(await quiet.call("GET", path)).toMatchObject({ status: 200 });
    }
    expect((await fetch(`${service.url}/readyz`)).status).toBe(200);
    await busy.send();
    await quiet.send();

    await release();
    const statuses = (await Promise.all(searches)).map(({ status }) => status);
    expect(statuses.filter((status) => status === 200).length).toBeGreaterThan(150);
    expect(await busy.call("GET", "/v1/deliveries")).toMatchObject({ status: 200 });
  });

  test("that have ended before they had their turn are not carried out later", async () => {
    const service = await cluster.start("api");
    const busy = await cluster.tenant(service);
    const id = await busy.webhook(`${sink.url}/hook`, { name: "before" });
    const release = await lock("delivery_statistics");
    const searches = Array.from({ length: 20 }, () => busy.call("GET", "/v1/statistics/deliveries"));
    // Its own time is shorter than theirs, so that none of them makes room before it has ended.
    const path = "/jitsudo.notifications.v1.NotificationChannelService/UpdateChannel";
    const update = await fetch(service.url + path, {
      method: "POST",
      headers: {
        "X-API-Key": busy.apiKey,
        "X-Tenant-ID": busy.id,
        "Content-Type": "application/json",
        "Connect-Protocol-Version": "1",
        "Connect-Timeout-Ms": "1000",
      },
      body: JSON.stringify({ id, name: "late" }),
    });
    expect(await update.json()).toMatchObject({ code: "deadline_exceeded" });
    await release();
    await Promise.all(searches);
    expect(await busy.call("GET", `/v1/notification-channels/${id}`)).toMatchObject({
      status: 200,
      body: { name: "before" },
    });
  });
});

describe("watches", () => {
  test("of one tenant that have to catch up leave the database to others", async () => {
    const service = await cluster.start("api");
    const [busy, quiet] = [await cluster.tenant(service), await cluster.tenant(service)];
    await busy.webhook(`${sink.url}/busy`);
    const client = createClient(DeliveryService, createGrpcTransport({ baseUrl: service.url }));
    const watch = (cursor: string, { signal } = new AbortController()) => {
      const headers = { "x-api-key": busy.apiKey, "x-tenant-id": busy.id };
      return client.watchDeliveries({ cursor }, { headers, signal })[Symbol.asyncIterator]();
    };
    const openCalls = () => metric(service, "jitsudo_calls_open");
    const before = await openCalls();
    const stop = new AbortController();
    const start = (await watch("", stop).next()).value.cursor;
    // Once it has ended, nothing is kept that others could go on with.
    stop.abort();
    await until(async () => (await openCalls()) === before);
    await busy.send();

    const release = await lock("delivery_change");
    // More than the process has connections to the database.
    const watches = Array.from({ length: 20 }, () => watch(start));
    await Promise.all(watches.map((each) => each.next()));
    const changes = watches.map((each) => each.next());
    await untilLocked(cluster, { query: "%from delivery_change%", count: 2 });
    for (let i = 0; i < 10; i++) {
      const startedAt = performance.now();
      await quiet.call("GET", "/v1/notification-channels");
      expect(performance.now() - startedAt).toBeLessThan(soonMs);
    }
    await release();
    for (const { value } of await Promise.all(changes)) expect(value.change.state).toBe("pending");
  });
});

describe("circuit breaker", () => {
  const breaker = {
    JITSUDO_BREAKER_FAILURES: "5",
    JITSUDO_BREAKER_OPEN_MS: "1000",
    JITSUDO_BREAKER_MAX_OPEN_MS: "1000",
    JITSUDO_CHANNEL_CONCURRENCY: "4",
  };

  test("opens on a dead endpoint, stops hammering, tries again and closes; health tells", async () => {
    const service = await cluster.start("all", breaker);
    const tenant = await cluster.tenant(service);
    sink.respond("/dead", { status: 500 });
    const channelId = await tenant.webhook(`${sink.url}/dead`);
    const health = async () => (await tenant.channel(channelId)).health;
    expect(await health()).toMatchObject({ state: "healthy", consecutive_failures: 0, last_error: "" });

    const eventIds = await tenant.sendAll(many(60));
    const open = await until(async () => ((await health()).state === "open" ? health() : undefined));
    expect(open).toMatchObject({ last_error: "HTTP 500", retry_at: expect.any(String) });
    // Those under way when it opened may still come; from then on one at a time is tried.
    await until(async () => new Date((await health()).retry_at ?? 0).getTime() < Date.now());
    const opened = sink.requests.length;
    expect(opened).toBeLessThan(20);
    const startedAt = performance.now();
    await until(() => performance.now() - startedAt > 3000, { intervalMs: 100, timeoutMs: 10_000 });
    expect(sink.requests.length - opened).toBeGreaterThan(0);
    expect(sink.requests.length - opened).toBeLessThan(8);
    expect((await health()).state).not.toBe("healthy");

    sink.respond("/dead", {});
    const states = (await Promise.all(eventIds.map((id) => tenant.ended(id))))
      .flat()
      .map(({ state }) => state);
    // The breaker has saved what was not tried; the few that were tried three times have failed.
    expect(states.filter((state) => state === "delivered").length).toBeGreaterThan(45);
    await until(async () => (await health()).state === "healthy");
    expect(await health()).toMatchObject({ consecutive_failures: 0, last_error: "HTTP 500" });
  });

  test("counts the failures of two workers that end at the same moment", async () => {
    const tenant = await cluster.tenant(await cluster.start("api"));
    const env = {
      JITSUDO_CONCURRENCY: "1",
      JITSUDO_BACKOFF_BASE_MS: "60000",
      JITSUDO_BACKOFF_MAX_MS: "60000",
    };
    await Promise.all([cluster.start("worker", env), cluster.start("worker", env)]);
    const endings: (() => void)[] = [];
    sink.respond("/hook", () => new Promise((resolve) => endings.push(() => resolve({ status: 500 }))));
    const id = await tenant.webhook(`${sink.url}/hook`, { ordered: false });
    await cluster.sql(
      `insert into channel_health (channel_id, tenant_id, consecutive_failures) select id, tenant_id, 3 from channel`,
    );
    // A worker has one slot, so each has one of the two.
    await tenant.sendAll(many(2));
    await until(() => endings.length === 2);
    const release = await lockRows(databaseUrl, "channel_health");
    for (const end of endings) end();
    await untilLocked(cluster, { query: "%channel_health%", count: 2 });
    await release();
    await until(async () => (await tenant.channel(id)).health.consecutive_failures === 5);
  });

  test("a few failures make it degraded, and break-glass goes out even where it is open", async () => {
    const service = await cluster.start("all", {
      ...breaker,
      JITSUDO_BREAKER_OPEN_MS: "60000",
      JITSUDO_BREAKER_MAX_OPEN_MS: "60000",
    });
    const tenant = await cluster.tenant(service);
    sink.respond("/dead", { status: 503 });
    const channelId = await tenant.webhook(`${sink.url}/dead`);
    await tenant.ended(await tenant.send());
    expect((await tenant.channel(channelId)).health).toMatchObject({
      state: "degraded",
      last_error: "HTTP 503",
    });
    await tenant.send();
    await until(async () => (await tenant.channel(channelId)).health.state === "open");

    // All three attempts of it, the breaker notwithstanding.
    const [urgent] = await tenant.ended(await tenant.send({ type: "request.break_glass" }));
    expect(urgent).toMatchObject({ state: "failed", attempt_count: 3 });
    sink.respond("/dead", {});
    expect(await tenant.ended(await tenant.send({ type: "request.break_glass" }))).toMatchObject([
      { state: "delivered" },
    ]);
  });
});
