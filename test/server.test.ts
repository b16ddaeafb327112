import { execFile } from "node:child_process";
import { request as http1Request } from "node:http";
import { type ClientHttp2Session, connect as connectHttp2 } from "node:http2";
import { resolve } from "node:path";
import { text } from "node:stream/consumers";
import { create, createFileRegistry, fromBinary, toBinary } from "@bufbuild/protobuf";
import { FileDescriptorProtoSchema } from "@bufbuild/protobuf/wkt";
import { Code, ConnectError, createClient, type Transport } from "@connectrpc/connect";
import {
  createConnectTransport,
  createGrpcTransport,
  createGrpcWebTransport,
} from "@connectrpc/connect-node";
import { credentials, Client as GrpcClient, Metadata } from "@grpc/grpc-js";
import { afterAll, beforeAll, describe, expect, it } from "vitest";
import { ErrorDetailSchema } from "../gen/jitsudo/notifications/v1/error_pb.js";
import {
  EventIngestService,
  IngestEventRequestSchema,
  IngestEventResponseSchema,
} from "../gen/jitsudo/notifications/v1/event_pb.js";
import { type ApiServer, headers, otherTenantId, startApiServer, tenantId } from "./support/api-server.ts";
import { until } from "./support/until.ts";

let server: ApiServer;
beforeAll(async () => {
  server = await startApiServer();
});
afterAll(() => server.close());

const ingestPath = `/${EventIngestService.typeName}/IngestEvent`;

const transports: Record<string, (baseUrl: string) => Transport> = {
  "Connect JSON over HTTP/1.1": (baseUrl) =>
    createConnectTransport({ baseUrl, httpVersion: "1.1", useBinaryFormat: false }),
  "Connect binary over HTTP/1.1": (baseUrl) => createConnectTransport({ baseUrl, httpVersion: "1.1" }),
  "Connect JSON over HTTP/2": (baseUrl) =>
    createConnectTransport({ baseUrl, httpVersion: "2", useBinaryFormat: false }),
  gRPC: (baseUrl) => createGrpcTransport({ baseUrl }),
  "gRPC with JSON": (baseUrl) => createGrpcTransport({ baseUrl, useBinaryFormat: false }),
  "gRPC-Web over HTTP/1.1": (baseUrl) => createGrpcWebTransport({ baseUrl, httpVersion: "1.1" }),
};

describe.each(Object.entries(transports))("%s", (_name, transport) => {
  const client = () => createClient(EventIngestService, transport(server.url));

  it("answers, and tells the handler who calls", async () => {
    const answer = await client().ingestEvent({ type: "grant.active", durationSeconds: 60 }, { headers });
    expect(answer).toMatchObject({ id: "all/grant.active", deliveries: 60 });
  });

  it("refuses keys, tenants and scopes", async () => {
    const refusal = async (sent: Record<string, string>) =>
      summary(await failure(client().ingestEvent({ type: "grant.active" }, { headers: new Headers(sent) })));
    expect(await refusal({})).toMatchObject({ code: Code.Unauthenticated, detail: "unauthenticated" });
    expect(await refusal({ "x-tenant-id": "x" })).toMatchObject({ code: Code.Unauthenticated });
    expect(await refusal({ ...headers, "x-api-key": "none" })).toMatchObject({ code: Code.Unauthenticated });
    expect(await refusal({ "x-api-key": "all" })).toMatchObject({
      code: Code.InvalidArgument,
      fields: [expect.objectContaining({ field: "X-Tenant-ID" })],
    });
    expect(await refusal({ ...headers, "x-tenant-id": otherTenantId })).toMatchObject({
      code: Code.PermissionDenied,
      detail: "tenant_mismatch",
    });
    expect(await refusal({ ...headers, "x-api-key": "reader" })).toMatchObject({
      code: Code.PermissionDenied,
      detail: "permission_denied",
      message: "the key lacks the scope events:write",
    });
  });

  it("names every invalid field", async () => {
    const error = await failure(client().ingestEvent({ type: "x", durationSeconds: -1 }, { headers }));
    expect(summary(error)).toMatchObject({
      code: Code.InvalidArgument,
      detail: "invalid_argument",
      fields: [
        { field: "type", message: expect.stringContaining("request.break_glass") },
        { field: "duration_seconds", message: "must be at least 0" },
      ],
    });
  });

  it("passes errors of handlers on, and hides those that nobody foresaw", async () => {
    const ending = async (reason: string) =>
      summary(await failure(client().ingestEvent({ type: "grant.active", reason }, { headers })));
    expect(await ending("conflict")).toMatchObject({ code: Code.AlreadyExists, detail: "already_exists" });
    expect(await ending("busy")).toMatchObject({
      code: Code.ResourceExhausted,
      detail: "resource_exhausted",
      retryAfter: "7",
    });
    expect(await ending("throw")).toMatchObject({ code: Code.Internal, message: "internal error" });
  });

  it("refuses a message that is too large", async () => {
    const large = client().ingestEvent({ type: "grant.active", reason: "x".repeat(150_000) }, { headers });
    expect(summary(await failure(large))).toMatchObject({
      code: Code.ResourceExhausted,
      detail: "resource_exhausted",
    });
  });

  it("ends a call at the client's own deadline", async () => {
    const call = client().ingestEvent({ type: "grant.active", reason: "hang" }, { headers, timeoutMs: 100 });
    expect((await failure(call)).code).toBe(Code.DeadlineExceeded);
  });
});

const http2Transports = Object.entries(transports).filter(([name]) => !name.includes("HTTP/1.1"));

describe.each(http2Transports)("%s", (_name, transport) => {
  it("streams both ways, and checks each message", async () => {
    async function* batches() {
      yield { events: [{ type: "grant.active" }] };
      yield { events: [{ type: "a" }, { type: "b" }] };
      yield { events: [] };
    }
    const sizes: number[] = [];
    const reading = (async () => {
      for await (const { results } of createClient(EventIngestService, transport(server.url)).streamEvents(
        batches(),
        { headers },
      ))
        sizes.push(results.length);
    })();
    expect(summary(await failure(reading))).toMatchObject({
      code: Code.InvalidArgument,
      fields: [{ field: "events", message: expect.any(String) }],
    });
    expect(sizes).toEqual([1, 2]);
  });
});

describe("JSON that does not fit", () => {
  const send = async (path: string, body: string) => {
    const answer = await fetch(server.url + path, {
      method: "POST",
      headers: { ...headers, "content-type": "application/json" },
      body,
    });
    return { status: answer.status, body: (await answer.json()) as ConnectErrorJson };
  };

  it.each([
    ['{"type":"grant.active","nope":1,"duration_seconds":"x"}', ["nope", "duration_seconds"]],
    ['{"type":"grant.active","occurredAt":"yesterday"}', ["occurred_at"]],
    ['{"type":"grant.active","request_id":"a","requestId":"b"}', ["request_id"]],
    ["[]", [""]],
    ["{", [""]],
  ])("is explained on the Connect path: %s", async (body, fields) => {
    const answer = await send(ingestPath, body);
    expect(answer).toMatchObject({
      status: 400,
      body: { code: "invalid_argument", details: [{ type: ErrorDetailSchema.typeName }] },
    });
    const named = answer.body.details[0].debug.fields.map(({ field = "" }) => field);
    expect(named).toEqual(fields);
  });

  it("is invalid_argument in gRPC too", async () => {
    const session = connectHttp2(server.url);
    const json = Buffer.from('{"type":"grant.active","nope":1}');
    const body = Buffer.concat([Buffer.from([0, 0, 0, 0, json.length]), json]);
    const answer = await http2Call(session, ingestPath, { "content-type": "application/grpc+json" }, body);
    session.close();
    // Trailers-Only: with headers before it, grpc-js would not repeat an unavailable call.
    expect(answer.headers).toMatchObject({
      "grpc-status": "3",
      "grpc-message": expect.stringContaining("nope"),
    });
    expect(answer.headers).toHaveProperty("grpc-status-details-bin");
    expect(answer.trailers).toEqual({});
  });
});

describe("other clients", () => {
  it("grpc-js", async () => {
    const client = new GrpcClient(server.url.slice("http://".length), credentials.createInsecure());
    const metadata = new Metadata();
    for (const [name, value] of Object.entries(headers)) metadata.set(name, value);
    const answer = await new Promise((done, failed) => {
      client.makeUnaryRequest(
        ingestPath,
        (message: Parameters<typeof toBinary<typeof IngestEventRequestSchema>>[1]) =>
          Buffer.from(toBinary(IngestEventRequestSchema, message)),
        (bytes) => fromBinary(IngestEventResponseSchema, bytes),
        { $typeName: IngestEventRequestSchema.typeName, ...emptyEvent, type: "grant.revoked" },
        metadata,
        (error, value) => (error ? failed(error) : done(value)),
      );
    });
    client.close();
    expect(answer).toMatchObject({ id: "all/grant.revoked" });
  });

  it.each([
    [[]],
    [["--http2-prior-knowledge"]],
    [["--protocol", "grpc", "--http2-prior-knowledge"]],
    [["--protocol", "grpcweb"]],
  ])("buf curl %s, by reflection", async (flags) => {
    const sent = ["-H", "X-API-Key: all", "-H", `X-Tenant-ID: ${tenantId}`, "-d", '{"type":"grant.active"}'];
    expect(JSON.parse(await buf(["curl", ...flags, ...sent, server.url + ingestPath]))).toEqual({
      id: "all/grant.active",
    });
  });

  it("buf curl lists services and methods", async () => {
    const flags = ["curl", "--http2-prior-knowledge"];
    expect(await buf([...flags, "--list-services", server.url])).toContain(EventIngestService.typeName);
    expect(await buf([...flags, "--list-methods", server.url])).toContain("StreamEvents");
  });

  it("HTTP/1.1 on a connection that is kept alive, beside HTTP/2", async () => {
    const session = connectHttp2(server.url);
    const pages = await Promise.all([
      http2Get(session, "/healthz"),
      fetch(`${server.url}/healthz`).then((answer) => answer.text()),
      http2Get(session, "/healthz"),
      fetch(`${server.url}/healthz`).then((answer) => answer.text()),
    ]);
    session.close();
    expect(new Set(pages)).toEqual(new Set(['{"status":"ok"}']));
  });

  it("HTTP/1.1 for a stream that needs HTTP/2", async () => {
    const answer = await fetch(`${server.url}/${EventIngestService.typeName}/StreamEvents`, {
      method: "POST",
      headers: { ...headers, "content-type": "application/connect+json" },
    });
    expect([answer.status, await answer.json()]).toMatchObject([505, { code: "http_version_not_supported" }]);
  });

  it("a gRPC call of a method that does not exist", async () => {
    const session = connectHttp2(server.url);
    const answer = await http2Call(
      session,
      "/a.B/C",
      { "content-type": "application/grpc" },
      Buffer.alloc(5),
    );
    session.close();
    expect(answer.headers).toMatchObject({ ":status": 200, "grpc-status": "12" });
  });

  it("grpc-js, of a method that does not exist", async () => {
    const client = new GrpcClient(server.url.slice("http://".length), credentials.createInsecure());
    const pass = (bytes: Buffer) => bytes;
    const error = await new Promise((done) => {
      client.makeUnaryRequest("/a.B/C", pass, pass, Buffer.alloc(0), done);
    });
    client.close();
    // Where headers come before the status, grpc-js takes the call for broken off.
    expect(error).toMatchObject({ code: Code.Unimplemented, details: "there is no such method" });
  });
});

describe("requests and the log", () => {
  it("echoes a request id, or makes one", async () => {
    const idFor = async (sent: Record<string, string>) =>
      (await fetch(`${server.url}/healthz`, { headers: sent })).headers.get("x-request-id");
    expect(await idFor({ "x-request-id": "abc-1" })).toBe("abc-1");
    expect(await idFor({})).toMatch(/^[0-9a-f-]{36}$/);
    expect(await idFor({ "x-request-id": 'a"b c' })).toMatch(/^[0-9a-f-]{36}$/);
  });

  it("logs one line a request, and of unforeseen errors no URL and no key", async () => {
    await fetch(`${server.url}/v1/events?token=s3cret`, {
      method: "POST",
      headers: { ...headers, "content-type": "application/json", "x-request-id": "log-1" },
      body: '{"type":"grant.active","reason":"throw"}',
    });
    await fetch(`${server.url}/v1/events`, {
      method: "POST",
      headers: { ...headers, "content-type": "application/json", "x-request-id": "log-2" },
      body: '{"type":"grant.active","reason":"throw"}',
    });
    const lines = await until(() => {
      const found = server.lines.filter(({ request_id }) => request_id === "log-1" || request_id === "log-2");
      return found.length === 3 && found;
    });
    expect(lines).toMatchObject([
      { msg: "request", method: "POST /v1/events", status: 400, outcome: "invalid_argument" },
      { msg: "unexpected error", error: { name: "Error" } },
      { msg: "request", method: "POST /v1/events", status: 500, outcome: "internal" },
    ]);
    expect(JSON.stringify(lines)).not.toMatch(/s3cret|postgres:|user:secret/);
  });

  it("does not read the body of a call that it refuses", async () => {
    const request = http1Request(`${server.url}/v1/events`, {
      method: "POST",
      headers: { "content-type": "application/json", "content-length": "90000" },
    });
    request.flushHeaders();
    const status = await new Promise((done) => request.once("response", (answer) => done(answer.statusCode)));
    request.on("error", () => undefined).destroy();
    expect(status).toBe(401);
  });
});

describe("starting", () => {
  it("fails when the port is taken", async () => {
    await expect(startApiServer({ port: server.port })).rejects.toMatchObject({ code: "EADDRINUSE" });
  });

  it("fails when a method would be open to anyone by mistake", async () => {
    const files = createFileRegistry(
      create(FileDescriptorProtoSchema, {
        name: "open.proto",
        syntax: "proto3",
        messageType: [{ name: "Nothing" }],
        service: [{ name: "Open", method: [{ name: "Do", inputType: ".Nothing", outputType: ".Nothing" }] }],
      }),
      () => undefined,
    );
    const service = files.getService("Open");
    if (!service) throw new Error("no service");
    const starting = startApiServer({ routes: (router) => void router.service(service, {}) });
    await expect(starting).rejects.toThrow("Open.Do has no required_scope");
  });

  it("answers pages of its own", async () => {
    const other = await startApiServer({
      pages: (request, response) => {
        if (request.url !== "/metrics") return false;
        response.end("up 1\n");
        return true;
      },
    });
    expect(await (await fetch(`${other.url}/metrics`)).text()).toBe("up 1\n");
    expect((await fetch(`${other.url}/other`)).status).toBe(404);
    await other.close();
  });
});

interface ConnectErrorJson {
  code: string;
  details: [{ type: string; debug: { fields: { field?: string }[] } }];
}

const emptyEvent = {
  type: "",
  idempotencyKey: "",
  requestId: "",
  grantId: "",
  requester: "",
  reviewer: "",
  resourceType: "",
  resourceId: "",
  permissionSetArn: "",
  durationSeconds: 0,
  justification: "",
  reason: "",
  url: "",
};

async function failure(call: Promise<unknown>): Promise<ConnectError> {
  const error = await call.then(
    () => undefined,
    (reason: unknown) => reason,
  );
  expect(error).toBeInstanceOf(ConnectError);
  return ConnectError.from(error);
}

function summary(error: ConnectError) {
  const [detail, ...others] = error.findDetails(ErrorDetailSchema);
  expect(others).toEqual([]);
  return {
    code: error.code,
    message: error.rawMessage,
    detail: detail?.code,
    fields: detail?.fields.map(({ field, message }) => ({ field, message })),
    retryAfter: error.metadata.get("retry-after"),
  };
}

function buf(args: string[]): Promise<string> {
  const binary = resolve(import.meta.dirname, "../node_modules/.bin/buf");
  return new Promise((done, failed) => {
    execFile(binary, args, (error, stdout, stderr) => (error ? failed(new Error(stderr)) : done(stdout)));
  });
}

async function http2Get(session: ClientHttp2Session, path: string): Promise<string> {
  return text(session.request({ ":path": path }));
}

async function http2Call(
  session: ClientHttp2Session,
  path: string,
  sent: Record<string, string>,
  body: Buffer,
) {
  const stream = session.request({ ":method": "POST", ":path": path, te: "trailers", ...headers, ...sent });
  const answer = { headers: {} as object, trailers: {} as Record<string, unknown> };
  stream.once("response", (received) => {
    answer.headers = received;
  });
  stream.once("trailers", (received) => {
    answer.trailers = received;
  });
  stream.end(body);
  await text(stream);
  return answer;
}
