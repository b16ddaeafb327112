import { execFile } from "node:child_process";
import { randomUUID } from "node:crypto";
import { setTimeout as sleep } from "node:timers/promises";
import { promisify } from "node:util";
import { afterEach, beforeEach, describe, expect, test } from "vitest";
import { Code, ConnectError, createNotificationsClient } from "../../src/clients/connect.ts";
import { type HttpSink, startHttpSink } from "../sinks/http-sink.ts";
import { findBinaries, type Postgres, startPostgres } from "../support/postgres.ts";
import type { Service } from "../support/service.ts";
import { until } from "../support/until.ts";
import { type Cluster, startCluster } from "./support/cluster.ts";
import { startTcpProxy, type TcpProxy } from "./support/tcp-proxy.ts";
import type { Tenant } from "./support/tenant.ts";

// PostgreSQL goes away in every way it can: what was acknowledged is there, what
// could not be stored is refused at once, and nobody has to restart anything.

const requestTimeoutMs = 5000;
const portOf = (url: string) => Number(new URL(url).port);

let postgres: Postgres;
let proxy: TcpProxy;
let sink: HttpSink;
let cluster: Cluster;
let service: Service;
let tenant: Tenant;

beforeEach(async () => {
  postgres = await startPostgres();
  const databaseUrl = await postgres.createDatabase("jitsudo");
  proxy = await startTcpProxy(portOf(postgres.url));
  sink = await startHttpSink();
  cluster = await startCluster({
    databaseUrl,
    serviceDatabaseUrl: databaseUrl.replace(`:${portOf(postgres.url)}/`, `:${proxy.port}/`),
    env: { JITSUDO_REQUEST_TIMEOUT_MS: String(requestTimeoutMs) },
  });
});

afterEach(async () => {
  await cluster.close();
  await sink.close();
  await proxy.close();
  await postgres.close();
});

async function startOne(env: Record<string, string> = {}): Promise<void> {
  service = await cluster.start("all", env);
  tenant = await cluster.tenant(service);
  await tenant.webhook(`${sink.url}/hook`);
}

/** Sends events, one after the other, until `stop`; returns the ids of those that were acknowledged. */
function sendSteadily() {
  let stopped = false;
  const acknowledged: string[] = [];
  const refused = new Set<number>();
  const sending = (async () => {
    while (!stopped) {
      const event = { type: "grant.active", grant_id: randomUUID() };
      const { status, body } = await tenant.call("POST", "/v1/events", event);
      if (status === 202) acknowledged.push(String(body.id));
      else refused.add(status);
    }
  })();
  return {
    acknowledged,
    refused,
    async stop() {
      stopped = true;
      await sending;
    },
  };
}

const readyStatus = async () => (await fetch(`${service.url}/readyz`)).status;

async function expectRecovery(): Promise<void> {
  await until(async () => (await readyStatus()) === 200);
  const eventId = await until(() => tenant.send());
  expect(await tenant.ended(eventId)).toMatchObject([{ state: "delivered" }]);
  expect(service.running()).toBe(true);
}

test("restarted in the middle: what was acknowledged is delivered", async () => {
  await startOne();
  const stream = sendSteadily();
  for (let restart = 1; restart <= 2; restart++) {
    await until(() => stream.acknowledged.length > 30 * restart);
    await postgres.restart("immediate");
  }
  await until(() => stream.acknowledged.length > 90);
  await stream.stop();
  expect([...stream.refused].filter((status) => status !== 503)).toEqual([]);
  for (const id of stream.acknowledged) {
    expect(await tenant.ended(id)).toMatchObject([{ state: "delivered" }]);
  }
});

test("restarted while channels are changed: no transaction that broke off keeps its connection", async () => {
  await startOne({ JITSUDO_DATABASE_POOL: "4" });
  const channelId = await tenant.webhook(`${sink.url}/changed`);
  let changing = true;
  let changed = 0;
  const change = async () => {
    while (changing) {
      const body = { name: randomUUID() };
      const { status } = await tenant.call("PUT", `/v1/notification-channels/${channelId}`, body);
      if (status === 200) changed++;
    }
  };
  const changes = Promise.all([1, 2, 3, 4].map(change));
  for (let restarts = 1; restarts <= 5; restarts++) {
    const before = changed;
    await until(() => changed > before + 20);
    await postgres.restart("immediate");
  }
  changing = false;
  await changes;
  expect(await tenant.call("GET", "/v1/deliveries")).toMatchObject({ status: 200 });
  await until(async () => {
    const [open] = await cluster.sql<{ count: number }>(
      `select count(*)::int as count from pg_stat_activity
       where datname = current_database() and state like 'idle in transaction%'`,
    );
    return open?.count === 0;
  });
  expect(await service.stop()).toBe(0);
});

test("connections killed: calls and deliveries go on, and so does the wake-up by LISTEN", async () => {
  // With a poll this seldom only a notification can tell the worker's process of a delivery.
  const seldom = { JITSUDO_POLL_MS: "60000" };
  tenant = await cluster.tenant(await cluster.start("api", seldom));
  await cluster.start("worker", seldom);
  await tenant.webhook(`${sink.url}/hook`);
  for (let round = 0; round < 3; round++) {
    await cluster.sql(
      `select pg_terminate_backend(pid) from pg_stat_activity
       where application_name = 'jitsudo-notifications' and client_port is not null and pid <> pg_backend_pid()
         and query not like '%pg_terminate_backend%'`,
    );
    const eventId = await until(() => tenant.send());
    expect(await tenant.ended(eventId, 10_000)).toMatchObject([{ state: "delivered" }]);
  }
});

test("the answer to an ingest lost: what it handed over to the worker is sent at once, its lease not waited for", async () => {
  await startOne({ JITSUDO_LEASE_MS: "600000" });
  await tenant.ended(await tenant.send());
  proxy.loseAnswerTo("insert_events");
  const { status } = await tenant.call("POST", "/v1/events", {
    type: "grant.active",
    grant_id: "unanswered",
  });
  expect(status).toBe(503);
  await until(() => sink.requests.some(({ body }) => body.includes("unanswered")));
  const [delivery] = await until(async () => {
    const { body } = await tenant.call("GET", "/v1/deliveries?state=delivered");
    const deliveries = body.deliveries as { attempt_count: number }[];
    return deliveries.length === 2 ? deliveries : undefined;
  });
  expect(delivery?.attempt_count).toBe(1);
});

describe("down for a while", () => {
  test("REST says 503 unavailable, gRPC UNAVAILABLE, readyz 503, all at once; then it recovers", async () => {
    await startOne();
    await tenant.ended(await tenant.send());
    await postgres.stop("immediate");
    await until(async () => (await readyStatus()) === 503);

    const startedAt = performance.now();
    const event = { type: "grant.active", grant_id: "g" };
    for (const [method, path, body] of [
      ["POST", "/v1/events", event],
      ["POST", "/v1/events:batch", { events: [event] }],
      ["GET", "/v1/notification-channels", undefined],
      ["GET", "/v1/deliveries", undefined],
      ["POST", "/v1/notification-channels/generic-webhook", { name: "n", url: `${sink.url}/n` }],
    ] as const) {
      expect(await tenant.call(method, path, body)).toMatchObject({
        status: 503,
        body: { code: "unavailable" },
      });
    }
    const client = createNotificationsClient({
      baseUrl: service.url,
      apiKey: tenant.apiKey,
      tenantId: tenant.id,
    });
    const error = await client.events.ingestEvent(event).catch((reason: unknown) => reason);
    client.close();
    expect(error).toBeInstanceOf(ConnectError);
    expect((error as ConnectError).code).toBe(Code.Unavailable);
    // Six calls, none of which waits for its time to be over.
    expect(performance.now() - startedAt).toBeLessThan(requestTimeoutMs);
    expect((await fetch(`${service.url}/healthz`)).status).toBe(200);

    await postgres.start();
    await expectRecovery();
    const [row] = await cluster.sql<{ count: number }>("select count(*)::int as count from event");
    expect(row?.count).toBe(2);
  });

  test("a result that could not be written is written when it is back: nothing is sent twice", async () => {
    await startOne({ JITSUDO_LEASE_MS: "20000" });
    sink.respond("/hook", { delayMs: 500 });
    const eventId = await tenant.send();
    await sink.waitFor(1);
    await postgres.stop("immediate");
    await until(() => service.stderr().includes("the database is away, trying again"));
    await postgres.start();
    expect(await tenant.ended(eventId)).toMatchObject([{ state: "delivered", attempt_count: 1 }]);
    expect(sink.requests).toHaveLength(1);
  });

  test("an outage is a few lines in the log, however many calls it fails and results it holds up", async () => {
    await startOne({ JITSUDO_LEASE_MS: "20000" });
    sink.respond("/hook", { delayMs: 500 });
    await Promise.all(Array.from({ length: 30 }, () => tenant.send()));
    await sink.waitFor(20);
    await postgres.stop("immediate");
    const linesBefore = service.stderr().split("\n").length;
    await Promise.all(
      Array.from({ length: 50 }, async () =>
        expect(await tenant.call("POST", "/v1/events", { type: "grant.active" })).toMatchObject({
          status: 503,
        }),
      ),
    );
    await sleep(3000);
    const lines = service.stderr().split("\n").slice(linesBefore);
    await postgres.start();
    await expectRecovery();
    expect(lines.length).toBeLessThan(30);
    expect(service.stderr()).toMatch(/"times":1,"msg":"the database is away, trying again"/);
  });
});

test("hung: ingest is refused within the time of a call, and goes on when it answers again", async () => {
  await startOne();
  await tenant.ended(await tenant.send());
  proxy.freeze();
  for (let call = 0; call < 3; call++) {
    const startedAt = performance.now();
    expect(await tenant.call("POST", "/v1/events", { type: "grant.active" })).toMatchObject({
      status: 503,
      body: { code: "unavailable" },
    });
    expect(performance.now() - startedAt).toBeLessThan(2 * requestTimeoutMs);
  }
  expect(await readyStatus()).toBe(503);
  proxy.thaw();
  await expectRecovery();
});

test("hung: SIGTERM still ends the process", async () => {
  await startOne({ JITSUDO_SHUTDOWN_GRACE_MS: "500" });
  sink.respond("/hook", "hang");
  await tenant.send();
  await sink.waitFor(1);
  proxy.freeze();
  const startedAt = performance.now();
  expect([0, 1]).toContain(await service.stop());
  // The time of grace, then a few statements that find out that nobody answers.
  expect(performance.now() - startedAt).toBeLessThan(500 + 4 * requestTimeoutMs);
});

test("failover to another server behind the same address", async () => {
  await startOne();
  const stream = sendSteadily();
  await until(() => stream.acknowledged.length > 20);
  await stream.stop();
  for (const id of stream.acknowledged) await tenant.ended(id);

  const standby = await startPostgres();
  try {
    const copyUrl = await standby.createDatabase("jitsudo");
    const bin = findBinaries();
    const from = postgres.url.replace(/[^/]*$/, "jitsudo");
    await promisify(execFile)("sh", ["-c", `"${bin}/pg_dump" "${from}" | "${bin}/psql" -q "${copyUrl}"`]);
    await postgres.kill();
    expect((await tenant.call("POST", "/v1/events", { type: "grant.active" })).status).toBe(503);
    proxy.switchTo(portOf(standby.url));
    await expectRecovery();
    // What was acknowledged before is known there.
    expect(await tenant.ended(stream.acknowledged[0] ?? "")).toMatchObject([{ state: "delivered" }]);
  } finally {
    await standby.close();
  }
});

test("what commits after its caller has given up is sent at once, and no attempt is lost", async () => {
  await startOne({ JITSUDO_LEASE_MS: "20000", JITSUDO_REQUEST_TIMEOUT_MS: "4000" });
  await tenant.ended(await tenant.send());
  // A standby that does not answer holds commits up, as long as it is waited for.
  const waitFor = async (standby: string) => {
    await cluster.sql(`alter system set synchronous_standby_names = '${standby}'`);
    await cluster.sql("select pg_reload_conf()");
  };
  await waitFor("nobody");
  let event = {};
  await until(async () => {
    event = { type: "request.break_glass", request_id: randomUUID(), idempotency_key: randomUUID() };
    return (await tenant.call("POST", "/v1/events", event)).status === 503;
  });
  await waitFor("");
  const { body } = await until(async () => {
    const reply = await tenant.call("POST", "/v1/events", event);
    return reply.status === 202 ? reply : undefined;
  });
  expect(await tenant.ended(String(body.id), 10_000)).toMatchObject([
    { state: "delivered", attempt_count: 1, attempts: [{ outcome: "delivered" }] },
  ]);
}, 60_000);
