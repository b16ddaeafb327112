import { randomBytes } from "node:crypto";
import { join } from "node:path";
import { create } from "@bufbuild/protobuf";
import { afterAll, afterEach, describe, expect, test } from "vitest";
import {
  Code,
  ConnectError,
  createEventPublisher,
  createNotificationsClient,
  type EventPublisherOptions,
  type EventSender,
  errorDetailOf,
  grantActive,
  IngestEventRequestSchema,
  type PublishRetry,
  requestBreakGlass,
} from "../../src/clients/connect.ts";
import { createGrpcJsClient, credentials, EventIngestService } from "../../src/clients/grpc-js.ts";
import { startTcpProxy } from "../reliability/support/tcp-proxy.ts";
import { type HttpSink, startHttpSink } from "../sinks/http-sink.ts";
import { startChild } from "../support/child.ts";
import { until } from "../support/until.ts";
import { type Deployment, deploy, type Tenant } from "./deployment.ts";
import { startIngress } from "./ingress.ts";

// The publisher against the real service, also while that is away.

const closers: (() => unknown)[] = [];

afterEach(async () => {
  for (const close of closers.splice(0).reverse()) await close();
});

const kinds = ["grpc-js", "grpc", "connect"] as const;

async function deployment(env: Record<string, string> = {}): Promise<Deployment> {
  const deployed = await deploy("PostgreSQL and Redis", env);
  closers.push(deployed.close);
  return deployed;
}

/** One for all tests that leave it running. */
let shared: Promise<Deployment> | undefined;

function sharedDeployment(): Promise<Deployment> {
  shared ??= deploy("PostgreSQL and Redis");
  return shared;
}

afterAll(async () => void (await (await shared)?.close()));

async function sink(): Promise<HttpSink> {
  const started = await startHttpSink();
  closers.push(started.close);
  return started;
}

function eventsOf(kind: (typeof kinds)[number], address: string, { id, apiKey }: Tenant): EventSender {
  const identity = { apiKey, tenantId: id };
  if (kind === "grpc-js") {
    const client = createGrpcJsClient(EventIngestService, address, credentials.createInsecure(), {
      ...identity,
      channelOptions: { "grpc.max_reconnect_backoff_ms": 500 },
    });
    closers.push(client.close);
    return client;
  }
  const client = createNotificationsClient({ baseUrl: `http://${address}`, protocol: kind, ...identity });
  closers.push(client.close);
  return client.events;
}

function publisherOf(events: EventSender, options: Partial<EventPublisherOptions> = {}) {
  const publisher = createEventPublisher({ events, retry: { maxMs: 300 }, ...options });
  closers.push(() => publisher.close({ timeoutMs: 0 }));
  return publisher;
}

/** Counts the calls, passes them on, and tells how many events each had. */
function counting(events: EventSender): EventSender & { calls: string[][] } {
  const calls: string[][] = [];
  return {
    calls,
    ingestEvents(request, options) {
      calls.push(request.events.map(({ grantId, requestId }) => grantId || requestId));
      return events.ingestEvents(request, options);
    },
  };
}

/** Takes calls and leaves them unanswered until `open` is called. */
function gated(events: EventSender): EventSender & { open(): void; calls: number } {
  const gate = Promise.withResolvers<void>();
  const held = {
    calls: 0,
    open: gate.resolve,
    async ingestEvents(...call: Parameters<EventSender["ingestEvents"]>) {
      held.calls++;
      await gate.promise;
      return events.ingestEvents(...call);
    },
  };
  return held;
}

const grant = (number: number) => grantActive({ grantId: `grant-${number}`, requester: "ada@example.com" });
const breakGlass = (number: number) =>
  requestBreakGlass({
    requestId: `emergency-${number}`,
    requester: "ada@example.com",
    justification: "down",
  });

async function errorOf(promise: Promise<unknown>): Promise<ConnectError> {
  const error = await promise.then(
    () => undefined,
    (reason: unknown) => reason,
  );
  if (error instanceof ConnectError) return error;
  throw new Error("Not a ConnectError", { cause: error });
}

test.each(kinds)("sends in batches, in order, and answers each event (%s)", async (kind) => {
  const { service, newTenant } = await sharedDeployment();
  const tenant = await newTenant();
  const events = counting(eventsOf(kind, service.address, tenant));
  const publisher = publisherOf(events, { maxBatchEvents: 40, maxWaitMs: 200 });
  const answers = await Promise.all(
    Array.from({ length: 100 }, (_, number) => publisher.publish(grant(number))),
  );
  expect(new Set(answers.map(({ id }) => id)).size).toBe(100);
  expect(answers.every(({ replayed }) => !replayed)).toBe(true);
  expect(events.calls.map(({ length }) => length)).toEqual([40, 40, 20]);
  expect(events.calls.flat()).toEqual(Array.from({ length: 100 }, (_, number) => `grant-${number}`));
  expect(await publisher.close()).toEqual([]);
  expect((await errorOf(publisher.publish(grant(1)))).code).toBe(Code.FailedPrecondition);
});

test("a batch is bounded in bytes too", async () => {
  const { service, newTenant } = await deployment({ JITSUDO_MAX_BODY_BYTES: "20000" });
  const events = counting(eventsOf("grpc", service.address, await newTenant()));
  const event = (number: number) => ({ ...grant(number), attributes: { text: "x".repeat(4_000) } });
  const bounded = publisherOf(events, { maxBatchBytes: 10_000 });
  await Promise.all([1, 2, 3, 4, 5].map((number) => bounded.publish(event(number))));
  expect(events.calls.map(({ length }) => length)).toEqual([2, 2, 1]);

  // Larger than the service takes: in halves, until only what is too large by itself is refused.
  const unbounded = publisherOf(events);
  const huge = { ...grant(9), attributes: { text: "x".repeat(30_000) } };
  const refused = errorOf(unbounded.publish(huge));
  const taken = await Promise.all([1, 2, 3, 4, 5, 6, 7].map((number) => unbounded.publish(event(number))));
  expect(taken).toHaveLength(7);
  expect((await refused).code).toBe(Code.ResourceExhausted);
});

test("a batch is never larger than the service takes", async () => {
  const { service, newTenant } = await sharedDeployment();
  const events = counting(eventsOf("grpc", service.address, await newTenant()));
  for (const maxBatchEvents of [0, -1, 1.5, 1_001, Number.NaN, Infinity]) {
    expect(() => createEventPublisher({ events, maxBatchEvents })).toThrow(
      new RangeError(`maxBatchEvents must be an integer from 1 to 1000, not ${maxBatchEvents}`),
    );
  }
  const publisher = publisherOf(events, { maxBatchEvents: 1_000 });
  await Promise.all(Array.from({ length: 1_001 }, (_, number) => publisher.publish(grant(number))));
  expect(events.calls.map(({ length }) => length)).toEqual([1_000, 1]);
});

test("what is wrong with one event is told to its publisher alone", async () => {
  const { service, newTenant } = await sharedDeployment();
  const publisher = publisherOf(eventsOf("grpc", service.address, await newTenant()));
  const good = [publisher.publish(grant(1)), publisher.publish({ ...grant(2), idempotencyKey: "key" })];
  const unknown = errorOf(publisher.publish({ ...grant(3), type: "grant.lost" }));
  const unsendable = errorOf(publisher.publish({ ...grant(3), durationSeconds: 2 ** 40 }));
  expect(await Promise.all(good)).toHaveLength(2);
  expect(errorDetailOf(await unknown)).toMatchObject({
    code: "invalid_argument",
    fields: [{ field: "type" }],
  });
  expect((await unsendable).code).toBe(Code.InvalidArgument);
  const conflict = await errorOf(publisher.publish({ ...grant(4), idempotencyKey: "key" }));
  expect(conflict.code).toBe(Code.AlreadyExists);
  expect(errorDetailOf(conflict)?.fields[0]?.field).toBe("idempotency_key");
});

test("an event is sent as it was when it was published, whatever becomes of the object", async () => {
  const { service, newTenant } = await sharedDeployment();
  const tenant = await newTenant();
  const publisher = publisherOf(eventsOf("grpc", service.address, tenant));
  const ticket = { ticket: "INC-0" };
  const message = create(IngestEventRequestSchema, { ...grant(0), attributes: ticket });
  const published = [1, 2, 3].map((number) => {
    Object.assign(message, { idempotencyKey: `key-${number}`, grantId: `grant-${number}` });
    ticket.ticket = `INC-${number}`;
    return publisher.publish(message);
  });
  for (const [index, { id, replayed }] of (await Promise.all(published)).entries()) {
    expect(replayed).toBe(false);
    expect((await tenant.api.send("GET", `/v1/events/${id}`)).body).toMatchObject({
      payload: { grant_id: `grant-${index + 1}`, attributes: { ticket: `INC-${index + 1}` } },
    });
  }
});

test("a call that cannot succeed is not repeated", async () => {
  const { service, newTenant } = await sharedDeployment();
  const tenant = await newTenant();
  const retries: PublishRetry[] = [];
  const events = eventsOf("connect", service.address, { ...tenant, apiKey: "nonsense" });
  const publisher = publisherOf(events, { onRetry: (retry) => retries.push(retry) });
  expect((await errorOf(publisher.publish(grant(1)))).code).toBe(Code.Unauthenticated);
  expect(retries).toEqual([]);
});

test("a path at which the service knows no method is not tried for ever", async () => {
  const { service, newTenant } = await sharedDeployment();
  const { id: tenantId, apiKey } = await newTenant();
  const client = createNotificationsClient({ baseUrl: `${service.url}/wrong`, apiKey, tenantId });
  closers.push(client.close);
  const error = await errorOf(publisherOf(client.events).publish(grant(1)));
  expect(error.code).toBe(Code.Unimplemented);
  expect(errorDetailOf(error)).toMatchObject({ code: "not_found" });
});

describe.each(kinds)("behind an ingress (%s)", (kind) => {
  async function behindIngress(options: Partial<EventPublisherOptions> = {}) {
    const { service, newTenant } = await sharedDeployment();
    const ingress = await startIngress(service.url);
    closers.push(ingress.close);
    const events = counting(eventsOf(kind, ingress.address, await newTenant()));
    return { ingress, events, publisher: publisherOf(events, options) };
  }

  test.each([401, 403, 404])("that answers %i by itself for a while, no event is lost", async (status) => {
    const retries: PublishRetry[] = [];
    const { ingress, publisher } = await behindIngress({ onRetry: (retry) => retries.push(retry) });
    ingress.status = status;
    const published = [1, 2, 3].map((number) => publisher.publish(grant(number)));
    await until(() => retries.length >= 2);
    ingress.status = undefined;
    expect(new Set((await Promise.all(published)).map(({ id }) => id)).size).toBe(3);
  });

  test("that answers 413, smaller batches pass", async () => {
    const { ingress, events, publisher } = await behindIngress();
    ingress.maxBodyBytes = 1_500;
    const event = (number: number, size: number) => ({
      ...grant(number),
      attributes: { text: randomBytes(size).toString("base64") },
    });
    const refused = errorOf(publisher.publish(event(0, 3_000)));
    await Promise.all([1, 2, 3, 4, 5, 6, 7].map((number) => publisher.publish(event(number, 300))));
    expect((await refused).rawMessage).toMatch(/413$/);
    expect(events.calls[0]).toHaveLength(8);
  });
});

test.each(kinds)(
  "nothing is lost or doubled when the service is killed and comes back (%s)",
  async (kind) => {
    const deployed = await deployment({ JITSUDO_LEASE_MS: "1500" });
    const tenant = await deployed.newTenant();
    const receiver = await sink();
    await tenant.api.createWebhook(`${receiver.url}/hook`);
    const retries: PublishRetry[] = [];
    const publisher = publisherOf(eventsOf(kind, deployed.service.address, tenant), {
      maxBatchEvents: 10,
      maxWaitMs: 5,
      onRetry: (retry) => retries.push(retry),
    });
    const published: Promise<{ id: string }>[] = [];
    for (let number = 0; number < 300; number++) {
      published.push(publisher.publish(grant(number)));
      if (number === 100) {
        await published[20];
        await deployed.service.kill();
      }
    }
    await until(() => retries.length >= 2);
    await deployed.restart();
    const ids = (await Promise.all(published)).map(({ id }) => id);
    expect(new Set(ids).size).toBe(300);
    const received = () => receiver.to("/hook").map(({ body }) => JSON.parse(body).data.grant_id as string);
    await until(() => new Set(received()).size === 300, { timeoutMs: 45_000 });
    expect(new Set(receiver.to("/hook").map(({ body }) => JSON.parse(body).id))).toEqual(new Set(ids));
  },
);

test.each(kinds)("a connection that breaks during the call is not the end (%s)", async (kind) => {
  const { service, newTenant } = await sharedDeployment();
  const tenant = await newTenant();
  const port = Number(new URL(service.url).port);
  const proxy = await startTcpProxy(port);
  closers.push(proxy.close);
  const retries: PublishRetry[] = [];
  const publisher = publisherOf(eventsOf(kind, `127.0.0.1:${proxy.port}`, tenant), {
    maxBatchEvents: 5,
    onRetry: (retry) => retries.push(retry),
  });
  const published = Array.from({ length: 200 }, (_, number) => publisher.publish(grant(number)));
  for (let round = 1; round <= 3; round++) {
    await published[round * 20];
    proxy.switchTo(port);
  }
  expect(new Set((await Promise.all(published)).map(({ id }) => id)).size).toBe(200);
});

test("a Retry-After is kept to, and the events are taken after it", async () => {
  const { service, newTenant } = await deployment({ JITSUDO_RATE_LIMIT_PER_SECOND: "1" });
  for (const kind of kinds) {
    const retries: PublishRetry[] = [];
    const publisher = publisherOf(eventsOf(kind, service.address, await newTenant()), {
      maxBatchEvents: 1,
      onRetry: (retry) => retries.push(retry),
    });
    await Promise.all([1, 2, 3, 4].map((number) => publisher.publish(grant(number))));
    expect(retries[0]?.error.code).toBe(Code.ResourceExhausted);
    expect(retries[0]?.waitMs).toBeGreaterThanOrEqual(1_000);
  }
});

test("an event is given up at its age", async () => {
  const deployed = await deployment();
  const events = eventsOf("grpc", deployed.service.address, await deployed.newTenant());
  await deployed.service.kill();
  const publisher = publisherOf(events, { retry: { maxMs: 100, giveUpAfterMs: 600 } });
  const before = performance.now();
  expect((await errorOf(publisher.publish(grant(1)))).code).toBe(Code.Unavailable);
  expect(performance.now() - before).toBeGreaterThan(300);
});

test.each(kinds)(
  "an event is given up at its age, also in and behind a call that hangs (%s)",
  async (kind) => {
    const { service, newTenant } = await sharedDeployment();
    const tenant = await newTenant();
    const port = Number(new URL(service.url).port);
    const proxy = await startTcpProxy(port);
    closers.push(proxy.close);
    const options = { maxBatchEvents: 2, retry: { maxMs: 50, giveUpAfterMs: 1_500 } };
    const publisher = publisherOf(eventsOf(kind, `127.0.0.1:${proxy.port}`, tenant), options);
    await publisher.publish(grant(0));
    // The connections stay, and nothing passes.
    service.pause();
    try {
      const before = performance.now();
      const errors = [1, 2, 3, 4, 5].map((number) => errorOf(publisher.publish(grant(number))));
      for (const { code } of await Promise.all(errors)) expect(code).toBe(Code.DeadlineExceeded);
      const ageMs = performance.now() - before;
      expect(ageMs).toBeGreaterThan(1_400);
      // Far below the 10 s that a call may take.
      expect(ageMs).toBeLessThan(5_000);
    } finally {
      service.resume();
    }
    await publisher.publish(grant(6));
  },
);

describe("with calls that are not answered", () => {
  async function held(options: Partial<EventPublisherOptions> = {}) {
    const { service, newTenant } = await sharedDeployment();
    const events = gated(eventsOf("grpc", service.address, await newTenant()));
    return { events, publisher: publisherOf(events, { maxBatchEvents: 1, ...options }) };
  }

  test("break-glass waits neither for a batch nor for others", async () => {
    const { service, newTenant } = await sharedDeployment();
    const events = counting(eventsOf("grpc", service.address, await newTenant()));
    const publisher = publisherOf(events, { maxWaitMs: 60_000 });
    const ordinary = publisher.publish(grant(1));
    await publisher.publish(breakGlass(1));
    expect(events.calls).toEqual([["emergency-1"]]);
    expect(await publisher.close()).toEqual([]);
    await ordinary;

    const { events: blocked, publisher: full } = await held();
    const waiting = full.publish(grant(1));
    await until(() => blocked.calls === 1);
    const urgent = full.publish(breakGlass(1));
    await until(() => blocked.calls === 2);
    blocked.open();
    await Promise.all([waiting, urgent]);
  });

  test("ready() holds producers back", async () => {
    const { events, publisher } = await held({ maxUnansweredEvents: 3 });
    const published: Promise<unknown>[] = [];
    const producing = (async () => {
      for (let number = 0; number < 20; number++) {
        await publisher.ready();
        published.push(publisher.publish(grant(number)));
      }
    })();
    await until(() => events.calls === 1);
    expect(published).toHaveLength(3);
    events.open();
    await producing;
    await Promise.all(published);
  });

  test("rejectWhenFull refuses at once, and never a break-glass because of others", async () => {
    const { events, publisher } = await held({ maxUnansweredEvents: 2, rejectWhenFull: true });
    const published = [publisher.publish(grant(1)), publisher.publish(grant(2))];
    expect((await errorOf(publisher.publish(grant(3)))).code).toBe(Code.ResourceExhausted);
    published.push(publisher.publish(breakGlass(1)));
    events.open();
    await Promise.all(published);
    await publisher.publish(grant(4));
  });

  test("close() without a limit waits for every answer", async () => {
    const { events, publisher } = await held();
    const answers = Promise.all([1, 2, 3].map((number) => publisher.publish(grant(number))));
    await until(() => events.calls === 1);
    const closed = publisher.close({ timeoutMs: Infinity });
    // Meanwhile the limit of another one passes.
    const { publisher: limited } = await held();
    const handedBack = errorOf(limited.publish(grant(4)));
    expect(await limited.close({ timeoutMs: 20 })).toHaveLength(1);
    await handedBack;
    events.open();
    expect(await closed).toEqual([]);
    expect(await answers).toHaveLength(3);
  });

  test("close() says what it could not send, and sending that again makes nothing twice", async () => {
    const { service, newTenant } = await sharedDeployment();
    const tenant = await newTenant();
    const real = eventsOf("grpc", service.address, tenant);
    // Commits the first batch and never tells.
    const events: EventSender = {
      async ingestEvents(request, options) {
        await real.ingestEvents(request, { signal: new AbortController().signal });
        return new Promise((_, reject) => {
          options.signal.addEventListener("abort", () => reject(new ConnectError("gone", Code.Canceled)));
        });
      },
    };
    const publisher = publisherOf(events, { maxBatchEvents: 2 });
    const errors = [1, 2, 3].map((number) => errorOf(publisher.publish(grant(number))));
    const unsent = await publisher.close({ timeoutMs: 300 });
    expect(unsent.map(({ grantId }) => grantId)).toEqual(["grant-1", "grant-2", "grant-3"]);
    for (const error of await Promise.all(errors)) expect(error.code).toBe(Code.Canceled);
    const again = publisherOf(real);
    const answers = await Promise.all(unsent.map((event) => again.publish(event)));
    expect(answers.map(({ replayed }) => replayed)).toEqual([true, true, false]);
  });
});

test("events that close() hands back do not end a process that awaits none of them", async () => {
  const client = JSON.stringify(join(import.meta.dirname, "../../src/clients/connect.ts"));
  const script = `
    const { createEventPublisher, createNotificationsClient } = await import(${client});
    const caller = { baseUrl: "http://127.0.0.1:1", apiKey: "key", tenantId: "tenant" };
    const publisher = createEventPublisher({ events: createNotificationsClient(caller).events });
    const awaited = publisher.publish({ type: "grant.active" });
    for (const type of ["grant.active", "request.break_glass"]) void publisher.publish({ type });
    const unsent = await publisher.close({ timeoutMs: 50 });
    await awaited.catch(({ message }) => console.log(message));
    console.log(unsent.length);`;
  const child = await startChild(process.execPath, ["--input-type=module", "--eval", script]);
  expect({ exit: await child.waitForExit(), stdout: child.stdout(), stderr: child.stderr() }).toEqual({
    exit: 0,
    stdout: "[canceled] the publisher was closed before the event was acknowledged\n3\n",
    stderr: "",
  });
});
