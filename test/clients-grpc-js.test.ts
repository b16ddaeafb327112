import { once } from "node:events";
import { writeFile } from "node:fs/promises";
import { type AddressInfo, createServer } from "node:net";
import { join } from "node:path";
import { Code, ConnectError, type ConnectRouter } from "@connectrpc/connect";
import { afterEach, describe, expect, test } from "vitest";
import {
  createGrpcJsClient,
  credentials,
  DeliveryService,
  EventIngestService,
  type GrpcJsClientOptions,
  NotificationChannelService,
} from "../src/clients/grpc-js.ts";
import type { ServerOptions } from "../src/server/server-options.ts";
import { apiError } from "../src/services/errors.ts";
import { makeCertificates } from "./sinks/certificates.ts";
import { startApiServer, tenantId } from "./support/api-server.ts";
import { freePort } from "./support/ports.ts";
import { makeTempDir, removeDir } from "./support/temp-dir.ts";
import { until } from "./support/until.ts";

// What the grpc-js client has of its own: repeated calls, TLS, streams from the server alone.

const identity = { apiKey: "all", tenantId };
const uuid = "6f9619ff-8b86-4011-b42d-00c04fc964ff";
const closers: (() => unknown)[] = [];

afterEach(async () => {
  for (const close of closers.splice(0).reverse()) await close();
});

/** The real server with services that answer "unavailable" to the first `failures` calls and tell what they were asked. */
async function startServer({
  failures = 0,
  ...options
}: Partial<ServerOptions> & { failures?: number } = {}) {
  const calls: { method: string; key?: string; keys?: string[] }[] = [];
  const seen = { aborted: 0 };
  function answer<Result>(call: (typeof calls)[number], result: Result): Result {
    calls.push(call);
    if (calls.length <= failures) throw apiError("unavailable", "restarting");
    return result;
  }
  const routes = (router: ConnectRouter) => {
    router.service(NotificationChannelService, {
      getChannel: ({ id }) => answer({ method: "get" }, { id }),
      updateChannel: ({ id }) => answer({ method: "update" }, { id }),
      deleteChannel: () => answer({ method: "delete" }, {}),
      testChannel: () => answer({ method: "test" }, {}),
    });
    router.service(EventIngestService, {
      ingestEvent: ({ idempotencyKey }) => answer({ method: "event", key: idempotencyKey }, { id: "1" }),
      ingestEvents: ({ events }) =>
        answer({ method: "events", keys: events.map(({ idempotencyKey }) => idempotencyKey) }, {}),
    });
    router.service(DeliveryService, {
      async *watchDeliveries({ cursor }, { signal }) {
        signal.addEventListener("abort", () => seen.aborted++);
        if (cursor === "bad") throw apiError("invalid_argument", "no such cursor");
        for (let number = 1; !signal.aborted; number++) yield { cursor: `${cursor}${number}` };
      },
    });
  };
  const server = await startApiServer({ ...options, routes });
  closers.push(server.close);
  return { address: new URL(server.url).host, calls, seen };
}

function clientsOf(
  address: string,
  options: Partial<GrpcJsClientOptions> = {},
  how = credentials.createInsecure(),
) {
  const all = { ...identity, ...options };
  const clients = {
    channels: createGrpcJsClient(NotificationChannelService, address, how, all),
    events: createGrpcJsClient(EventIngestService, address, how, all),
    deliveries: createGrpcJsClient(DeliveryService, address, how, all),
  };
  closers.push(() => Object.values(clients).forEach((client) => void client.close()));
  return clients;
}

describe("a call that ends as unavailable", () => {
  test("is repeated when it reads or sets a state", async () => {
    const { address, calls } = await startServer({ failures: 2 });
    const { channels } = clientsOf(address);
    expect(await channels.getChannel({ id: uuid })).toMatchObject({ id: uuid });
    expect(calls).toHaveLength(3);

    const second = await startServer({ failures: 1 });
    await clientsOf(second.address).channels.updateChannel({ id: uuid });
    expect(second.calls).toHaveLength(2);
  });

  test.each(["deleteChannel", "testChannel"] as const)("is not repeated when it is %s", async (method) => {
    const { address, calls } = await startServer({ failures: 2 });
    await expect(clientsOf(address).channels[method]({ id: uuid })).rejects.toMatchObject({
      code: Code.Unavailable,
    });
    expect(calls).toHaveLength(1);
  });

  test("is repeated with the same idempotency key when it sends an event", async () => {
    const { address, calls } = await startServer({ failures: 2 });
    const { events } = clientsOf(address);
    await events.ingestEvent({ type: "grant.active" });
    const [first, ...others] = calls;
    expect(first?.key).toMatch(/^[0-9a-f-]{36}$/);
    expect(others).toEqual([first, first]);

    await events.ingestEvents({ events: [{ type: "grant.active", idempotencyKey: "mine" }, { type: "x" }] });
    expect(calls.at(-1)?.keys).toEqual(["mine", expect.stringMatching(/^[0-9a-f-]{36}$/)]);
  });

  test("is given up after maxAttempts, and tried once with 1", async () => {
    for (const maxAttempts of [1, 2]) {
      const { address, calls } = await startServer({ failures: 9 });
      const { channels } = clientsOf(address, { maxAttempts });
      await expect(channels.getChannel({ id: uuid })).rejects.toMatchObject({ code: Code.Unavailable });
      expect(calls).toHaveLength(maxAttempts);
    }
  });

  test("is repeated within its deadline alone", async () => {
    const { address } = await startServer({ failures: 9 });
    const { channels } = clientsOf(address, { maxAttempts: 5 });
    const before = performance.now();
    await expect(channels.getChannel({ id: uuid }, { deadlineMs: 200 })).rejects.toBeInstanceOf(ConnectError);
    expect(performance.now() - before).toBeLessThan(3_000);
  });

  test("succeeds when the service starts meanwhile", async () => {
    const port = await freePort();
    const { channels } = clientsOf(`127.0.0.1:${port}`, {
      maxAttempts: 5,
      channelOptions: { "grpc.initial_reconnect_backoff_ms": 100, "grpc.max_reconnect_backoff_ms": 200 },
    });
    const call = channels.getChannel({ id: uuid });
    await startServer({ port });
    expect(await call).toMatchObject({ id: uuid });
  });
});

test("a service that comes back is found within seconds, however long it was away", async () => {
  let tries = 0;
  const away = createServer((socket) => {
    tries++;
    socket.destroy();
  });
  await once(away.listen(0, "127.0.0.1"), "listening");
  const { port } = away.address() as AddressInfo;
  // As after some vain tries: without a bound, the wait after the next one would be 13 s, give or take 20 %.
  const { channels } = clientsOf(`127.0.0.1:${port}`, {
    maxAttempts: 1,
    channelOptions: { "grpc.initial_reconnect_backoff_ms": 8_000 },
  });
  const answer = () => channels.getChannel({ id: uuid }).catch(() => undefined);
  await until(async () => (await answer()) === undefined && tries === 2);
  await new Promise((resolve) => away.close(resolve));
  await startServer({ port });
  await until(answer, { timeoutMs: 9_000 });
});

test("a stream from the server yields its responses, and is cancelled by leaving the loop or by its signal", async () => {
  const { address, seen } = await startServer();
  const { deliveries } = clientsOf(address);
  const cursors: string[] = [];
  for await (const { cursor } of deliveries.watchDeliveries({ cursor: "c" })) {
    cursors.push(cursor);
    if (cursors.length === 3) break;
  }
  expect(cursors).toEqual(["c1", "c2", "c3"]);
  await until(() => seen.aborted === 1);

  const controller = new AbortController();
  const reading = async () => {
    for await (const _ of deliveries.watchDeliveries({}, { signal: controller.signal })) controller.abort();
  };
  await expect(reading()).rejects.toMatchObject({ code: Code.Canceled });
  const refused = async () => {
    for await (const _ of deliveries.watchDeliveries({ cursor: "bad" }));
  };
  await expect(refused()).rejects.toMatchObject({ code: Code.InvalidArgument, rawMessage: "no such cursor" });
});

test("speaks TLS with a private authority, and to nobody else", async () => {
  const { ca, key, cert } = makeCertificates();
  const folder = await makeTempDir();
  closers.push(() => removeDir(folder));
  const tls = {
    certFile: join(folder, "cert.pem"),
    keyFile: join(folder, "key.pem"),
    clientCaFile: undefined,
  };
  await Promise.all([writeFile(tls.certFile, cert), writeFile(tls.keyFile, key)]);
  const { address } = await startServer({ tls });
  const trusted = clientsOf(address, {}, credentials.createSsl(Buffer.from(ca)));
  expect(await trusted.channels.getChannel({ id: uuid })).toMatchObject({ id: uuid });
  const stranger = clientsOf(address, { maxAttempts: 1 }, credentials.createSsl());
  await expect(stranger.channels.getChannel({ id: uuid })).rejects.toMatchObject({ code: Code.Unavailable });
});
