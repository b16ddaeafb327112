import { once } from "node:events";
import { Agent, get, type IncomingMessage } from "node:http";
import { connect as connectHttp2 } from "node:http2";
import { connect as connectTcp } from "node:net";
import { text } from "node:stream/consumers";
import { Code, ConnectError, createClient } from "@connectrpc/connect";
import { createConnectTransport, createGrpcTransport } from "@connectrpc/connect-node";
import { describe, expect, it } from "vitest";
import { Health, HealthCheckResponse_ServingStatus as Status } from "../gen/health/v1/health_pb.js";
import { EventIngestService } from "../gen/jitsudo/notifications/v1/event_pb.js";
import { type ApiServer, headers, startApiServer } from "./support/api-server.ts";
import { until } from "./support/until.ts";

const ingest = (server: ApiServer) =>
  createClient(EventIngestService, createGrpcTransport({ baseUrl: server.url }));

describe("stopping", () => {
  it("lets open calls finish and refuses new connections", async () => {
    const server = await startApiServer({ shutdownGraceMs: 5000 });
    const grpc = ingest(server).ingestEvent({ type: "grant.active", reason: "wait:400" }, { headers });
    const rest = postEvent(server, "wait:400");
    await until(() => server.seen.waiting === 2);
    const startedAt = performance.now();
    const closed = server.close();

    await until(() => refused(server.port));
    expect((await grpc).id).toBe("all/grant.active");
    const answer = await rest;
    expect(answer.status).toBe(202);
    expect(answer.headers.get("connection")).toBe("close");
    await closed;
    expect(performance.now() - startedAt).toBeLessThan(4500);
    expect(server.close()).toBe(server.close());
  });

  it("ends calls as unavailable after the time of grace, even those that do not heed their signal", async () => {
    const server = await startApiServer({ shutdownGraceMs: 200 });
    const grpc = ingest(server).ingestEvent({ type: "grant.active", reason: "hang" }, { headers });
    const rest = postEvent(server, "hang");
    const stream = readStream(server);
    await until(() => server.seen.waiting === 2 && stream.answers() === 1);
    const startedAt = performance.now();
    const closed = server.close();

    expect((await failure(grpc)).code).toBe(Code.Unavailable);
    expect((await failure(stream.ended)).code).toBe(Code.Unavailable);
    const answer = await rest;
    expect([answer.status, await answer.json()]).toEqual([
      503,
      { code: "unavailable", message: "the server is stopping", details: {} },
    ]);
    await closed;
    expect(performance.now() - startedAt).toBeLessThan(5000);
    expect(server.seen.aborted).toEqual([
      expect.objectContaining({ code: Code.Unavailable }),
      expect.objectContaining({ code: Code.Unavailable }),
    ]);
  });

  it("is held up neither by idle nor by hanging clients", async () => {
    const server = await startApiServer({ shutdownGraceMs: 200 });
    const silent = connectTcp(server.port, "127.0.0.1");
    const halfRequest = connectTcp(server.port, "127.0.0.1");
    halfRequest.write("POST /v1/events HTTP/1.1\r\nhost: x\r\nx-api-key: all\r\n");
    const session = connectHttp2(server.url);
    for (const client of [silent, halfRequest, session]) client.on("error", () => undefined);
    await Promise.all([
      once(silent, "connect"),
      once(halfRequest, "connect"),
      once(session, "remoteSettings"),
    ]);
    const agent = new Agent({ keepAlive: true });
    await text(await answerOf(get(`${server.url}/healthz`, { agent })));

    const startedAt = performance.now();
    await server.close();
    expect(performance.now() - startedAt).toBeLessThan(5000);
    await until(() => silent.closed && halfRequest.closed && session.destroyed);
    agent.destroy();
  });
});

describe("health", () => {
  it("is served over gRPC, for the whole and for each service", async () => {
    const server = await startApiServer();
    const health = createClient(Health, createGrpcTransport({ baseUrl: server.url }));
    for (const service of ["", EventIngestService.typeName, Health.typeName]) {
      expect((await health.check({ service })).status).toBe(Status.SERVING);
    }
    expect((await failure(health.check({ service: "nope" }))).code).toBe(Code.NotFound);
    expect(Object.keys((await health.list({})).statuses)).toContain(EventIngestService.typeName);
    await server.close();
  });

  it("follows what the service says of itself", async () => {
    let works = true;
    const server = await startApiServer({
      ready: () => (works ? Promise.resolve() : Promise.reject(new Error("no database"))),
    });
    const health = createClient(Health, createGrpcTransport({ baseUrl: server.url }));
    const states: Status[] = [];
    const watching = failure(
      (async () => {
        for await (const { status } of health.watch({ service: "" })) states.push(status);
      })(),
    );
    await until(() => states.length === 1);
    works = false;
    await until(() => states.length === 2);
    const page = await fetch(`${server.url}/readyz`);
    expect([page.status, await page.json()]).toEqual([503, { status: "unavailable", reason: "not_ready" }]);
    expect((await fetch(`${server.url}/healthz`)).status).toBe(200);
    works = true;
    await until(() => states.length === 3);
    await server.close();
    expect((await watching).code).toBe(Code.Unavailable);
    expect(states).toEqual([Status.SERVING, Status.NOT_SERVING, Status.SERVING, Status.NOT_SERVING]);
  });

  it("says that it stops to those that are still connected", async () => {
    const server = await startApiServer({ shutdownGraceMs: 5000 });
    const socket = connectTcp(server.port, "127.0.0.1");
    socket.write("GET /readyz HTTP/1.1\r\n");
    await until(() => socket.bytesWritten > 0 && !socket.pending);
    const call = postEvent(server, "wait:300");
    await until(() => server.seen.waiting === 1);
    const closed = server.close();
    socket.write("host: x\r\n\r\n");
    expect(await text(socket)).toMatch(/^HTTP\/1.1 503 .*"reason":"stopping"\}$/s);
    expect((await call).status).toBe(202);
    await closed;
  });
});

describe("deadlines", () => {
  it("end unary calls, also those whose body does not arrive", async () => {
    const server = await startApiServer({ requestTimeoutMs: 300 });
    const call = ingest(server).ingestEvent({ type: "grant.active", reason: "hang" }, { headers });
    expect((await failure(call)).code).toBe(Code.DeadlineExceeded);
    const answer = await postEvent(server, "hang");
    expect([answer.status, await answer.json()]).toMatchObject([504, { code: "deadline_exceeded" }]);

    const session = connectHttp2(server.url);
    const stream = session.request({
      ":method": "POST",
      ":path": "/v1/events",
      "content-type": "application/json",
      ...headers,
    });
    stream.write("{");
    const [received] = await once(stream, "response");
    expect(received[":status"]).toBe(504);
    stream.on("error", () => undefined);
    session.destroy();
    await server.close();
  });

  it("do not cut streams", async () => {
    const server = await startApiServer({ requestTimeoutMs: 200 });
    async function* batches() {
      for (let count = 0; count < 4; count++) {
        yield { events: [{ type: "grant.active" }] };
        await new Promise((resolve) => setTimeout(resolve, 150));
      }
    }
    let answers = 0;
    for await (const _ of ingest(server).streamEvents(batches(), { headers })) answers++;
    expect(answers).toBe(4);
    await server.close();
  });

  it("abort a handler when its client goes away", async () => {
    const server = await startApiServer();
    const gone = new AbortController();
    const transport = createConnectTransport({ baseUrl: server.url, httpVersion: "1.1" });
    const call = createClient(EventIngestService, transport).ingestEvent(
      { type: "grant.active", reason: "hang" },
      { headers, signal: gone.signal },
    );
    await until(() => server.seen.waiting === 1);
    gone.abort();
    await failure(call);
    await until(() => server.seen.aborted.length === 1);
    expect(server.seen.aborted).toEqual([expect.objectContaining({ code: Code.Canceled })]);
    await until(() => server.lines.some(({ outcome }) => outcome === "canceled"));
    await server.close();
  });
});

function postEvent(server: ApiServer, reason: string): Promise<Response> {
  return fetch(`${server.url}/v1/events`, {
    method: "POST",
    headers: { ...headers, "content-type": "application/json" },
    body: JSON.stringify({ type: "grant.active", reason }),
  });
}

/** A stream that sends one batch and then stays open. */
function readStream(server: ApiServer) {
  let answers = 0;
  async function* batches() {
    yield { events: [{ type: "grant.active" }] };
    await new Promise(() => undefined);
  }
  const ended = (async () => {
    for await (const _ of ingest(server).streamEvents(batches(), { headers })) answers++;
  })();
  ended.catch(() => undefined);
  return { ended, answers: () => answers };
}

async function failure(call: Promise<unknown>): Promise<ConnectError> {
  const error = await call.then(
    () => undefined,
    (reason: unknown) => reason,
  );
  expect(error).toBeInstanceOf(ConnectError);
  return ConnectError.from(error);
}

async function answerOf(request: ReturnType<typeof get>): Promise<IncomingMessage> {
  const [answer] = await once(request, "response");
  return answer;
}

function refused(port: number): Promise<boolean> {
  return new Promise((resolve) => {
    const socket = connectTcp(port, "127.0.0.1");
    socket.once("connect", () => {
      socket.destroy();
      resolve(false);
    });
    socket.once("error", () => resolve(true));
  });
}
