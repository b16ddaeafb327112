import { once } from "node:events";
import { createServer as createHttp1Server } from "node:http";
import { createServer, type Http2Server, type ServerHttp2Session } from "node:http2";
import type { AddressInfo } from "node:net";
import { Code, ConnectError, type ConnectRouter, type HandlerContext } from "@connectrpc/connect";
import { connectNodeAdapter } from "@connectrpc/connect-node";
import { afterAll, beforeAll, describe, expect, test } from "vitest";
import * as connect from "../src/clients/connect.ts";
import * as grpcJs from "../src/clients/grpc-js.ts";
import * as web from "../src/clients/web.ts";
import { apiError } from "../src/services/errors.ts";
import { until } from "./support/until.ts";

// Both clients against a small Connect server of the real services: what they
// send, how they read errors, and how calls end.

const identity = { apiKey: "key-1", tenantId: "6f9619ff-8b86-4011-b42d-00c04fc964ff" };
// Reserved characters, a percent sign, an escape as text, more than ASCII.
const message = 'urls: "https://a/?b=c&d" is 100% wrong, %3A too; für alle';

const seen = { aborted: 0 };
const sessions = new Set<ServerHttp2Session>();
let server: Http2Server;
let address: string;

function routes(router: ConnectRouter): void {
  router.service(connect.NotificationChannelService, {
    getChannel: ({ id }, { requestHeader }) => ({
      id,
      name: `${requestHeader.get("x-api-key")} ${requestHeader.get("x-tenant-id")}`,
    }),
    deleteChannel() {
      throw apiError("tenant_mismatch", message, [
        { field: "to_addresses[2]", message: "must be: an address" },
      ]);
    },
    listChannels() {
      throw new ConnectError(message.replace("%3A", ""), Code.NotFound);
    },
    createEmailChannel: (_, context) => never(context),
  });
  router.service(connect.EventIngestService, {
    async *streamEvents(requests, context) {
      context.signal.addEventListener("abort", () => seen.aborted++);
      for await (const { events } of requests) {
        if (events[0]?.type === "bad")
          throw apiError("invalid_argument", message, [{ field: "type", message: "no" }]);
        yield {
          results: events.map(({ type }) => ({ result: { case: "accepted" as const, value: { id: type } } })),
        };
        if (events[0]?.type === "last") return;
      }
    },
  });
}

/** Answers when the caller has given up. */
async function never({ signal }: HandlerContext): Promise<never> {
  await once(signal, "abort");
  seen.aborted++;
  throw signal.reason;
}

beforeAll(async () => {
  server = createServer(connectNodeAdapter({ routes }));
  server.on(
    "session",
    (session) => sessions.add(session).size && session.on("close", () => sessions.delete(session)),
  );
  await once(server.listen(0, "127.0.0.1"), "listening");
  address = `127.0.0.1:${(server.address() as AddressInfo).port}`;
});

afterAll(async () => {
  for (const session of sessions) session.destroy();
  await new Promise((resolve) => server.close(resolve));
});

/** What both clients have in common; a call's limit is named differently. */
function makeClients(
  kind: "connect" | "grpc" | "grpc-js",
  {
    limitMs,
    to = address,
    caller = identity,
  }: { limitMs?: number; to?: string; caller?: typeof identity } = {},
) {
  if (kind === "grpc-js") {
    const options = { ...caller, ...(limitMs !== undefined && { deadlineMs: limitMs }) };
    const insecure = grpcJs.credentials.createInsecure();
    const channels = grpcJs.createGrpcJsClient(grpcJs.NotificationChannelService, to, insecure, options);
    const events = grpcJs.createGrpcJsClient(grpcJs.EventIngestService, to, insecure, options);
    const close = () => [channels, events].forEach((client) => void client.close());
    return { channels, events, limit: (deadlineMs: number) => ({ deadlineMs }), close };
  }
  const options = { ...caller, baseUrl: `http://${to}`, protocol: kind };
  const client = connect.createNotificationsClient({
    ...options,
    ...(limitMs !== undefined && { timeoutMs: limitMs }),
  });
  return { ...client, limit: (timeoutMs: number) => ({ timeoutMs }) };
}

async function failureOf(call: Promise<unknown>): Promise<ConnectError> {
  const error = await call.then(
    () => undefined,
    (reason: unknown) => reason,
  );
  if (!(error instanceof ConnectError)) throw new Error("Not a ConnectError", { cause: error });
  return error;
}

async function* batches(...types: string[]) {
  for (const type of types) yield { events: [{ type }] };
}

/** Never ends by itself. */
async function* waiting(...types: string[]) {
  yield* batches(...types);
  await new Promise(() => {});
}

async function idsOf(responses: AsyncIterable<connect.StreamEventsResponse>): Promise<unknown[]> {
  const ids: unknown[] = [];
  for await (const { results } of responses) {
    for (const { result } of results) ids.push(result.case === "accepted" ? result.value.id : result.case);
  }
  return ids;
}

describe.each(["connect", "grpc", "grpc-js"] as const)("%s", (kind) => {
  test("sends key and tenant with every call", async () => {
    const { channels, close } = makeClients(kind);
    for (const id of ["a", "b"]) {
      expect(await channels.getChannel({ id })).toMatchObject({
        id,
        name: `${identity.apiKey} ${identity.tenantId}`,
      });
    }
    close();
  });

  test("reads code, message and detail of an error as they were written", async () => {
    const { channels, close } = makeClients(kind);
    const error = await failureOf(channels.deleteChannel({ id: "a" }));
    expect(error.code).toBe(Code.PermissionDenied);
    expect(error.rawMessage).toBe(message);
    expect(connect.errorDetailOf(error)).toMatchObject({
      code: "tenant_mismatch",
      fields: [{ field: "to_addresses[2]", message: "must be: an address" }],
    });
    const plain = await failureOf(channels.listChannels({}));
    expect(plain.code).toBe(Code.NotFound);
    expect(plain.rawMessage).toBe(message.replace("%3A", ""));
    expect(connect.errorDetailOf(plain)).toBeUndefined();
    close();
  });

  test("ends a call at the client's limit, at the call's own and at its signal", async () => {
    const { channels, close, limit } = makeClients(kind, { limitMs: 100 });
    const before = seen.aborted;
    expect((await failureOf(channels.createEmailChannel({}))).code).toBe(Code.DeadlineExceeded);
    expect((await failureOf(channels.createEmailChannel({}, limit(50)))).code).toBe(Code.DeadlineExceeded);
    const signal = AbortSignal.timeout(50);
    expect((await failureOf(channels.createEmailChannel({}, { ...limit(0), signal }))).code).toBe(
      Code.Canceled,
    );
    expect((await failureOf(channels.getChannel({ id: "a" }, { signal }))).code).toBe(Code.Canceled);
    await until(() => seen.aborted >= before + 3);
    close();
  });

  test.each([0, Infinity, 2 ** 31])("takes %d ms for no limit", async (limitMs) => {
    const { channels, events, close, limit } = makeClients(kind, { limitMs });
    expect(await channels.getChannel({ id: "a" })).toMatchObject({ id: "a" });
    expect(await channels.getChannel({ id: "b" }, limit(limitMs))).toMatchObject({ id: "b" });
    expect(await idsOf(events.streamEvents(batches("a", "b"), limit(limitMs)))).toEqual(["a", "b"]);
    close();
  });

  test("streams both ways, without the limit of unary calls", async () => {
    const { events, close } = makeClients(kind, { limitMs: 100 });
    async function* slowly() {
      yield* batches("a");
      await new Promise((resolve) => setTimeout(resolve, 300));
      yield* batches("b", "c");
    }
    expect(await idsOf(events.streamEvents(slowly()))).toEqual(["a", "b", "c"]);
    const many = Array.from({ length: 2_000 }, (_, index) => `event-${index}`);
    expect(await idsOf(events.streamEvents(batches(...many)))).toEqual(many);
    close();
  });

  test("ends a stream that the server ends first, with or without error", async () => {
    const { events, close } = makeClients(kind);
    let returned = 0;
    async function* endless(...types: string[]) {
      try {
        yield* batches(...types);
        for (;;) {
          await new Promise((resolve) => setTimeout(resolve, 20));
          yield* batches("more");
        }
      } finally {
        returned++;
      }
    }
    expect(await idsOf(events.streamEvents(endless("a", "last")))).toEqual(["a", "last"]);
    const error = await failureOf(idsOf(events.streamEvents(endless("a", "bad"))));
    expect(error.code).toBe(Code.InvalidArgument);
    expect(error.rawMessage).toBe(message);
    expect(connect.errorDetailOf(error)?.fields[0]?.field).toBe("type");
    await until(() => returned === 2);
    close();
  });

  test("cancels a stream by its signal", async () => {
    const { events, close } = makeClients(kind);
    const before = seen.aborted;
    const controller = new AbortController();
    const received: unknown[] = [];
    const reading = async () => {
      const options = { signal: controller.signal };
      for await (const response of events.streamEvents(waiting("a"), options)) {
        received.push(response);
        controller.abort();
      }
    };
    expect((await failureOf(reading())).code).toBe(Code.Canceled);
    expect(received).toHaveLength(1);
    await until(() => seen.aborted > before);
    close();
  });

  test("leaving the loop over the responses cancels the call and ends its requests", async () => {
    const { events, close } = makeClients(kind);
    const before = seen.aborted;
    for await (const _ of events.streamEvents(waiting("a"))) break;
    await until(() => seen.aborted > before);
    const controller = new AbortController();
    const reading = async () => {
      for await (const _ of events.streamEvents(waiting("a"), { signal: controller.signal })) {
        throw new RangeError("the reader's own");
      }
    };
    await expect(reading()).rejects.toThrow(RangeError);
    await until(() => seen.aborted > before + 1);
    let ended = false;
    async function* endless() {
      try {
        for (;;) {
          yield* batches("a");
          await new Promise((resolve) => setTimeout(resolve, 20));
        }
      } finally {
        ended = true;
      }
    }
    for await (const _ of events.streamEvents(endless())) break;
    await until(() => ended);
    close();
  });

  test("says unavailable when nobody listens", async () => {
    const { channels, close } = makeClients(kind, { to: "127.0.0.1:1" });
    expect((await failureOf(channels.getChannel({ id: "a" }))).code).toBe(Code.Unavailable);
    close();
  });
});

describe("the key and the tenant", () => {
  const makers = {
    connect: (caller: typeof identity) =>
      connect.createNotificationsClient({ ...caller, baseUrl: "http://a" }),
    web: (caller: typeof identity) => web.createNotificationsClient({ ...caller, baseUrl: "http://a" }),
    "grpc-js": (caller: typeof identity) =>
      grpcJs.createGrpcJsClient(
        grpcJs.EventIngestService,
        address,
        grpcJs.credentials.createInsecure(),
        caller,
      ),
  };

  test.each(["connect", "web", "grpc-js"] as const)("are checked when a client is made (%s)", (kind) => {
    const make = (caller: object) => () => makers[kind]({ ...identity, ...caller });
    for (const apiKey of [undefined, null, "", " \n"]) {
      expect(make({ apiKey })).toThrow(new TypeError("apiKey is missing or empty"));
    }
    expect(make({ tenantId: undefined })).toThrow(new TypeError("tenantId is missing or empty"));
    for (const apiKey of ["jsn_secret\nx", "jsn_secret x", "jsn_secret€"]) {
      expect(make({ apiKey })).toThrow(
        new TypeError("apiKey holds a character that neither keys nor UUIDs have"),
      );
    }
  });

  test.each(["connect", "grpc-js"] as const)("may have a line break at their end (%s)", async (kind) => {
    const { channels, close } = makeClients(kind, {
      caller: { apiKey: `${identity.apiKey}\n`, tenantId: ` ${identity.tenantId}\r\n` },
    });
    const { name } = await channels.getChannel({ id: "a" });
    expect(name).toBe(`${identity.apiKey} ${identity.tenantId}`);
    close();
  });
});

test("grpc-js: an error of the sender's own reaches the reader as it is", async () => {
  const { events, close } = makeClients("grpc-js");
  const before = seen.aborted;
  const answered = Promise.withResolvers<void>();
  async function* requests() {
    yield* batches("a");
    await answered.promise;
    throw new RangeError("disk is full");
  }
  const reading = async () => {
    for await (const _ of events.streamEvents(requests())) answered.resolve();
  };
  await expect(reading()).rejects.toThrow(RangeError);
  await until(() => seen.aborted > before);
  close();
});

// An error event that nobody listens for ends the process, and fails this run.
test.each(["connect", "grpc"] as const)("%s: what speaks no HTTP/2 fails the calls alone", async (kind) => {
  const http1 = createHttp1Server();
  await once(http1.listen(0, "127.0.0.1"), "listening");
  const to = `127.0.0.1:${(http1.address() as AddressInfo).port}`;
  const { channels, close } = makeClients(kind, { to });
  for (const id of ["a", "b"])
    expect((await failureOf(channels.getChannel({ id }))).code).toBe(Code.Internal);
  close();
  // Once every connection has ended.
  await new Promise((resolve) => http1.close(resolve));
});
