import { Code, ConnectError, createClient } from "@connectrpc/connect";
import { createConnectTransport, createGrpcTransport } from "@connectrpc/connect-node";
import { afterAll, beforeAll, describe, expect, inject, it } from "vitest";
import { ServerReflection } from "../../gen/grpc/reflection/v1/reflection_pb.js";
import { Health, HealthCheckResponse_ServingStatus } from "../../gen/health/v1/health_pb.js";
import { DeliveryService } from "../../gen/jitsudo/notifications/v1/delivery_pb.js";
import { EventIngestService } from "../../gen/jitsudo/notifications/v1/event_pb.js";
import type { Service } from "../support/service.ts";
import { until } from "../support/until.ts";
import { type Key, openRig, type Rig } from "./rig.ts";

let rig: Rig;
let tenant: string;
let service: Service;
beforeAll(async () => {
  rig = await openRig(inject("postgresUrl"), { JITSUDO_ROLE: "api" });
  tenant = await rig.createTenant("streams");
  service = await rig.start();
});
afterAll(() => rig.close());

const transports = { connect: createConnectTransport, grpc: createGrpcTransport };

/** A connection of its own. */
const transport = (protocol: keyof typeof transports) =>
  transports[protocol]({ baseUrl: service.url, httpVersion: "2" });

/** What a stream has answered so far, and how it ended. */
interface Reader {
  answers: number;
  failure?: ConnectError;
}

function read(stream: AsyncIterable<unknown>): Reader {
  const reader: Reader = { answers: 0 };
  void (async () => {
    try {
      for await (const _ of stream) reader.answers++;
    } catch (error) {
      reader.failure = ConnectError.from(error);
    }
  })();
  return reader;
}

/** Opens streams until one is answered: what has ended makes room a moment later. */
const untilTaken = (open: () => Reader) =>
  until(async () => {
    const stream = open();
    await until(() => stream.answers || stream.failure);
    return stream.answers === 1;
  });

describe("a stream", () => {
  const headers = ({ apiKey }: Key) => ({ "x-api-key": apiKey, "x-tenant-id": tenant });

  async function* events(signal: AbortSignal) {
    while (!signal.aborted) {
      yield { events: [{ type: "grant.active" }] };
      await new Promise((resolve) => setTimeout(resolve, 100));
    }
  }

  describe.each(["connect", "grpc"] as const)("over %s", (protocol) => {
    it("ends within seconds once its key is revoked, and those of other keys go on", async () => {
      const [key, other] = [await rig.createKey(tenant), await rig.createKey(tenant)];
      const stop = new AbortController();
      const { signal } = stop;
      const streamsOf = (key: Key) => [
        read(
          createClient(DeliveryService, transport(protocol)).watchDeliveries(
            {},
            { headers: headers(key), signal },
          ),
        ),
        read(
          createClient(EventIngestService, transport(protocol)).streamEvents(events(signal), {
            headers: headers(key),
            signal,
          }),
        ),
      ];
      const [ours, theirs] = [streamsOf(key), streamsOf(other)];
      await until(() => [...ours, ...theirs].every(({ answers }) => answers > 0));

      await rig.operator.run("keys revoke", { id: key.id });
      const revokedAt = performance.now();
      await until(() => ours.every(({ failure }) => failure));
      expect(performance.now() - revokedAt).toBeLessThan(8_000);
      for (const { failure } of ours) {
        expect(failure).toMatchObject({
          code: Code.Unauthenticated,
          rawMessage: "the key in X-API-Key was revoked or has expired",
        });
      }
      expect(theirs.map(({ failure }) => failure)).toEqual([undefined, undefined]);
      stop.abort();
    });

    it("ends when its key does", async () => {
      const expiresAt = new Date(Date.now() + 5_000);
      const key = await rig.createKey(tenant, { expiresAt: expiresAt.toISOString() });
      const { watchDeliveries } = createClient(DeliveryService, transport(protocol));
      const watching = read(watchDeliveries({}, { headers: headers(key) }));
      await until(() => watching.failure);
      expect(watching).toMatchObject({ answers: 1, failure: { code: Code.Unauthenticated } });
      expect(Date.now()).toBeGreaterThanOrEqual(expiresAt.getTime());
      expect(Date.now()).toBeLessThan(expiresAt.getTime() + 8_000);
    });
  });
});

describe("streams of events", () => {
  it("are a thousand of one tenant, and another one is not kept from its own", async () => {
    const stop = new AbortController();
    const { signal } = stop;
    const other = await rig.createTenant("other streams");
    const send = (over: ReturnType<typeof transport>, { apiKey }: Key, of: string) => {
      const headers = { "x-api-key": apiKey, "x-tenant-id": of };
      return read(createClient(EventIngestService, over).streamEvents(one(signal), { headers, signal }));
    };
    const key = await rig.createKey(tenant);
    const open = Array.from({ length: 5 }, () => transport("grpc")).flatMap((over) =>
      Array.from({ length: 202 }, () => send(over, key, tenant)),
    );
    const theirs = send(transport("grpc"), await rig.createKey(other), other);
    await until(() => open.every(({ answers, failure }) => answers > 0 || failure), { timeoutMs: 30_000 });
    const refused = open.flatMap(({ failure }) => failure ?? []);
    expect(refused).toHaveLength(10);
    expect(refused[0]).toMatchObject({
      code: Code.ResourceExhausted,
      rawMessage: "the tenant has 1000 open streams of events on this server and may not have more",
    });
    await until(() => theirs.answers > 0);
    stop.abort();

    const again = new AbortController();
    const over = transport("grpc");
    const headers = { "x-api-key": key.apiKey, "x-tenant-id": tenant };
    const { streamEvents } = createClient(EventIngestService, over);
    await untilTaken(() => read(streamEvents(one(again.signal), { headers })));
    again.abort();
  });

  /** One event, and then nothing more. */
  async function* one(signal: AbortSignal) {
    yield { events: [{ type: "grant.active" }] };
    await new Promise((resolve) => signal.addEventListener("abort", resolve));
  }
});

describe("streams that need no key", () => {
  it("are a few to a connection, and those that have ended make room", async () => {
    const [first, second] = [transport("grpc"), transport("grpc")];
    const stop = new AbortController();
    const { signal } = stop;
    const watch = (over: typeof first) => read(createClient(Health, over).watch({}, { signal }));
    const reflect = (over: typeof first) =>
      read(createClient(ServerReflection, over).serverReflectionInfo(questions(signal), { signal }));
    const open = [
      ...Array.from({ length: 5 }, () => watch(first)),
      ...Array.from({ length: 5 }, () => reflect(first)),
    ];
    await until(() => open.every(({ answers }) => answers === 1));

    for (const excess of [watch(first), reflect(first)]) {
      await until(() => excess.failure);
      expect(excess.failure).toMatchObject({
        code: Code.ResourceExhausted,
        rawMessage: "the connection has 10 open streams without a key and may not have more",
      });
    }
    const elsewhere = watch(second);
    await until(() => elsewhere.answers === 1);
    // What ends at once is no matter.
    const serving = { status: HealthCheckResponse_ServingStatus.SERVING };
    expect(await createClient(Health, first).check({})).toMatchObject(serving);

    stop.abort();
    const again = new AbortController();
    await untilTaken(() => read(createClient(Health, first).watch({}, { signal: again.signal })));
    again.abort();
  });

  it("are a bounded number in all", async () => {
    const stop = new AbortController();
    const { signal } = stop;
    const open = Array.from({ length: 102 }, () => transport("grpc")).flatMap((over) =>
      Array.from({ length: 10 }, () => read(createClient(Health, over).watch({}, { signal }))),
    );
    await until(() => open.every(({ answers, failure }) => answers > 0 || failure), { timeoutMs: 30_000 });
    const refused = open.flatMap(({ failure }) => failure ?? []);
    expect(refused).toHaveLength(20);
    expect(refused[0]).toMatchObject({
      code: Code.ResourceExhausted,
      rawMessage: "the server has 1000 open streams without a key and may not have more",
    });
    expect((await fetch(`${service.url}/readyz`)).status).toBe(200);
    stop.abort();
  });

  /** Asks once, and leaves the stream open. */
  async function* questions(signal: AbortSignal) {
    yield { messageRequest: { case: "listServices" as const, value: "" } };
    await new Promise((resolve) => signal.addEventListener("abort", resolve));
  }
});
