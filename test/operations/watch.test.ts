import { Code, createClient } from "@connectrpc/connect";
import { createConnectTransport, createGrpcTransport } from "@connectrpc/connect-node";
import { afterAll, beforeAll, describe, expect, test } from "vitest";
import {
  DeliveryService,
  type WatchDeliveriesResponse,
} from "../../gen/jitsudo/notifications/v1/delivery_pb.js";
import { type Deployment, deploy, type Tenant } from "../e2e/deployment.ts";
import { backends } from "../e2e/home.ts";
import { type HttpSink, startHttpSink } from "../sinks/http-sink.ts";
import { until } from "../support/until.ts";

interface Filters {
  cursor?: string;
  channelId?: string;
  state?: string;
  requestId?: string;
  eventType?: string;
}

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

  /** A stream that has begun: what comes from now on is seen. */
  async function watch(filters: Filters = {}, protocol: "grpc" | "connect" = "grpc", who = tenant) {
    const options = { baseUrl: deployment.service.url };
    const transport =
      protocol === "grpc"
        ? createGrpcTransport(options)
        : createConnectTransport({ ...options, httpVersion: "1.1" });
    const stop = new AbortController();
    const responses = createClient(DeliveryService, transport)
      .watchDeliveries(filters, {
        headers: { "x-api-key": who.apiKey, "x-tenant-id": who.id },
        signal: stop.signal,
      })
      [Symbol.asyncIterator]();
    const first = await responses.next();
    expect(first.value?.change).toBeUndefined();
    let cursor: string = first.value?.cursor ?? "";

    return {
      cursor: () => cursor,
      /** The next changes up to the first that fits. */
      async until(fits: (response: WatchDeliveriesResponse) => boolean): Promise<string[]> {
        const seen: string[] = [];
        for (;;) {
          const { value, done } = await responses.next();
          if (done) throw new Error(`The stream ended after ${seen}`);
          cursor = value.cursor;
          if (value.change) seen.push(`${value.change.delivery?.id} ${value.change.state}`);
          if (fits(value)) return seen;
        }
      },
      next: () => responses.next(),
      stop: () => stop.abort(),
    };
  }

  const isState = (state: string) => (response: WatchDeliveriesResponse) => response.change?.state === state;

  test.each(["grpc", "connect"] as const)("over %s shows each change as it happens", async (protocol) => {
    tenant = await deployment.newTenant();
    sink.respond(`/flaky/${tenant.id}`, [{ status: 500 }, { status: 200 }]);
    const { id: channelId } = await tenant.api.createWebhook(`${sink.url}/flaky/${tenant.id}`);
    const stream = await watch({ channelId: channelId.toUpperCase() }, protocol);
    const { id } = await tenant.api.ingest({ type: "grant.active", grant_id: "g" });
    const seen = await stream.until(isState("delivered"));
    const [delivery] = await tenant.api.deliveries({ event_id: id });
    expect(seen).toEqual(["pending", "delivering", "delivered"].map((state) => `${delivery?.id} ${state}`));
    stream.stop();
  });

  test("goes on after a cursor, over a restart of the service, in order and without gaps", async () => {
    tenant = await deployment.newTenant();
    await tenant.api.createWebhook(`${sink.url}/ok`);
    const stream = await watch();
    await tenant.api.deliverOne({ type: "grant.active", grant_id: "seen" });
    await stream.until(isState("delivered"));
    const cursor = stream.cursor();
    // The stream of a service that stops ends at once, and does not hold it up.
    const end = stream.next().catch((error: Error) => error.message);
    await deployment.service.stop();
    expect(await end).toContain("stopping");
    await deployment.restart();

    const events = Array.from({ length: 700 }, (_, n) => ({ type: "grant.active", grant_id: `g${n}` }));
    await tenant.api.send("POST", "/v1/events:batch", { events });
    await tenant.api.deliverOne({ type: "grant.expired", grant_id: "last" });
    const isLast = ({ change }: WatchDeliveriesResponse) =>
      change?.state === "delivered" && change.delivery?.eventType === "grant.expired";
    const whole = await (await watch({ cursor })).until(isLast);
    expect(whole.filter((line) => line.endsWith("pending"))).toHaveLength(701);
    // From each place in the middle it is the same.
    const again = await watch({ cursor });
    for (const n of [1, 350, 705]) {
      let count = 0;
      const part = await again.until(() => ++count === n);
      const rest = await (await watch({ cursor: again.cursor() })).until(isLast);
      const all = new Set([...part, ...rest]);
      expect(whole.every((line) => all.has(line) || whole.indexOf(line) < whole.indexOf(part[0] ?? ""))).toBe(
        true,
      );
    }
  });

  test("with filters, for many at a time, and for its own tenant alone", async () => {
    tenant = await deployment.newTenant();
    const other = await deployment.newTenant();
    await tenant.api.createWebhook(`${sink.url}/mine`);
    await other.api.createWebhook(`${sink.url}/theirs`);
    const streams = await Promise.all(
      Array.from({ length: 30 }, () => watch({ requestId: "r2", state: "delivered" })),
    );
    await other.api.deliverOne({ type: "request.pending", request_id: "r2" });
    await tenant.api.deliverOne({ type: "request.pending", request_id: "r1" });
    const mine = await tenant.api.deliverOne({ type: "request.break_glass", request_id: "r2" });
    for (const stream of streams) {
      expect(await stream.until(isState("delivered"))).toEqual([`${mine.id} delivered`]);
      stream.stop();
    }
  });

  test("a reader that is far behind misses nothing", async () => {
    tenant = await deployment.newTenant();
    sink.respond(`/hang/${tenant.id}`, "hang");
    await tenant.api.createWebhook(`${sink.url}/hang/${tenant.id}`);
    const slow = await watch({ state: "pending" });
    const quickReader = await watch({ state: "pending" });
    const isLast = ({ change }: WatchDeliveriesResponse) => change?.delivery?.eventType === "grant.expired";
    for (const part of [1, 2, 3]) {
      const events = Array.from({ length: 1_000 }, (_, n) => ({
        type: "grant.active",
        grant_id: `${part} ${n}`,
      }));
      expect((await tenant.api.send("POST", "/v1/events:batch", { events })).status).toBe(202);
    }
    await tenant.api.ingest({ type: "grant.expired", grant_id: "last" });
    const whole = await quickReader.until(isLast);
    expect(new Set(whole).size).toBe(3_001);
    expect(await slow.until(isLast)).toEqual(whole);
  });

  test("takes 50 of one tenant at a time, and those that have ended make room", async () => {
    tenant = await deployment.newTenant();
    const other = await deployment.newTenant();
    sink.respond(`/hang/${tenant.id}`, "hang");
    await tenant.api.createWebhook(`${sink.url}/hang/${tenant.id}`);
    const first = await watch();
    const events = Array.from({ length: 1_000 }, (_, n) => ({ type: "grant.active", grant_id: `g${n}` }));
    expect((await tenant.api.send("POST", "/v1/events:batch", { events })).status).toBe(202);
    // They do not read what waits for them.
    const open = await Promise.all(Array.from({ length: 49 }, () => watch({ cursor: first.cursor() })));
    await expect(watch()).rejects.toMatchObject({
      code: Code.ResourceExhausted,
      rawMessage: "the tenant has 50 open watches on this server and may not have more",
    });
    (await watch({}, "grpc", other)).stop();
    for (const stream of [first, ...open]) stream.stop();
    await until(async () => (await watch()).stop() === undefined);
    const again = await until(() => Promise.all(Array.from({ length: 50 }, () => watch())));
    for (const stream of again) stream.stop();
  });

  test("refuses cursors that are none, too old or from the future", async () => {
    const cursor = (text: string) => Buffer.from(text).toString("base64url");
    const first = await watch();
    first.stop();
    const misspelled = [`${first.cursor()} `, first.cursor().replace(/^./, "$&.")];
    for (const bad of ["nonsense", cursor("1.1.1"), cursor(`999999999999.1.${Date.now()}`), ...misspelled]) {
      await expect(watch({ cursor: bad })).rejects.toThrow("cursor");
    }
  });
});
