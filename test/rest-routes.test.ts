import { request as http1Request } from "node:http";
import { connect as connectHttp2 } from "node:http2";
import { text } from "node:stream/consumers";
import { create } from "@bufbuild/protobuf";
import fc from "fast-check";
import { afterAll, beforeAll, describe, expect, it } from "vitest";
import {
  CreateEmailChannelRequestSchema,
  CreateGenericWebhookChannelRequestSchema,
} from "../gen/jitsudo/notifications/v1/channel_pb.js";
import { createPathTable } from "../src/server/path-table.ts";
import { createFieldValidator } from "../src/services/field-validator.ts";
import { type ApiServer, headers, otherTenantId, startApiServer } from "./support/api-server.ts";

let server: ApiServer;
beforeAll(async () => {
  server = await startApiServer();
});
afterAll(() => server.close());

const channels = "/v1/notification-channels";
const id = "0190a0b0-3333-7000-8000-000000000003";

/** Sends JSON with valid credentials unless told otherwise. */
async function call(method: string, path: string, body?: unknown, sent: Record<string, string> = {}) {
  const answer = await fetch(server.url + path, {
    method,
    headers: { ...headers, ...(body !== undefined && { "content-type": "application/json" }), ...sent },
    ...(body !== undefined && { body: typeof body === "string" ? body : JSON.stringify(body) }),
  });
  const received = await answer.text();
  return {
    status: answer.status,
    headers: answer.headers,
    body: received ? JSON.parse(received) : undefined,
  };
}

/** The names of the fields that an answer complains about. */
async function blamed(answer: ReturnType<typeof call>): Promise<string[]> {
  const { status, body } = await answer;
  expect({ status, code: body.code }).toEqual({ status: 400, code: "invalid_argument" });
  return body.details.fields.map(({ field }: { field: string }) => field);
}

describe("REST calls", () => {
  it("take both spellings, answer in snake_case with every field, and the status of the method", async () => {
    for (const filters of ["event_filters", "eventFilters"]) {
      const body = { name: "ops", webhook_url: "https://h.example/x", [filters]: ["grant.active"] };
      const answer = await call("POST", `${channels}/slack-webhook`, body);
      expect(answer).toMatchObject({
        status: 201,
        body: { name: "ops", event_filters: ["grant.active"], enabled: true, channel_type: "" },
      });
      expect(answer.headers.get("content-type")).toBe("application/json");
    }
    expect((await call("POST", "/v1/events", { type: "grant.active" })).status).toBe(202);
    const batch = await call("POST", "/v1/events:batch", { events: [{ type: "x" }, { type: "y" }] });
    expect(batch.body.results).toHaveLength(2);
    const deleted = await call("DELETE", `${channels}/${id}`);
    expect([deleted.status, deleted.body, deleted.headers.get("content-type")]).toEqual([
      204,
      undefined,
      null,
    ]);
  });

  it("take path and query parameters", async () => {
    expect((await call("GET", `${channels}/${id}`)).body.id).toBe(id);
    const list = await call("GET", `${channels}?page_size=7&pageToken=a%20b&channel_type=email`);
    expect(list.body.channels[0].name).toBe("7/a b/email");
    expect((await call("GET", `${channels}/%30190a0b0-3333-7000-8000-000000000003`)).body.id).toBe(id);
  });

  it("answer HEAD where GET is allowed, over both versions of HTTP", async () => {
    const head = await fetch(server.url + channels, { method: "HEAD", headers });
    expect([head.status, await head.text()]).toEqual([200, ""]);
    expect(Number(head.headers.get("content-length"))).toBeGreaterThan(10);
    const session = connectHttp2(server.url);
    const stream = session.request({ ":method": "HEAD", ":path": channels, ...headers });
    expect(await text(stream)).toBe("");
    session.close();
  });

  it("fill update_mask from what the body names, unless it names the mask", async () => {
    const path = `${channels}/${id}`;
    const maskFor = async (body: unknown) => (await call("PUT", path, body)).body.event_filters;
    expect(await maskFor({ name: "a", eventFilters: [], enabled: null })).toEqual([
      "name",
      "enabled",
      "event_filters",
    ]);
    expect(await maskFor({ name: "a", update_mask: "config" })).toEqual(["config"]);
    expect(await maskFor({ id, name: "a" })).toEqual(["name"]);
    expect(await maskFor({})).toEqual([]);
  });
});

describe("REST refusals", () => {
  it("of parameters name them all", async () => {
    expect(
      await blamed(call("GET", `${channels}?page_size=ten&nope=1&channel_type=email&channelType=email`)),
    ).toEqual(["page_size", "nope", "channel_type"]);
    expect(await blamed(call("GET", `${channels}?page_size=0x10`))).toEqual(["page_size"]);
    expect(await blamed(call("GET", `${channels}?page_size=99999999999`))).toEqual(["page_size"]);
    expect(await blamed(call("GET", `${channels}?page_size=999&channel_type=fax`))).toEqual([
      "page_size",
      "channel_type",
    ]);
    expect(await blamed(call("GET", `${channels}/${id}?id=${id}`))).toEqual(["id"]);
    expect(await blamed(call("POST", "/v1/events?type=grant.active", { type: "grant.active" }))).toEqual([
      "type",
    ]);
    expect(await blamed(call("GET", `${channels}/not-a-uuid`))).toEqual(["id"]);
    expect(await blamed(call("GET", `${channels}/%zz`))).toEqual([""]);
  });

  it("of bodies name every field", async () => {
    const event = (body: unknown) => blamed(call("POST", "/v1/events", body));
    expect(await event("")).toEqual(["type"]);
    expect(await event({ type: 5, nope: 1, duration_seconds: "a", expires_at: "soon" })).toEqual([
      "type",
      "nope",
      "duration_seconds",
      "expires_at",
    ]);
    expect(await event('{"type":"grant.active","type":"x"}')).toEqual([""]);
    expect(await event('{"type":"grant.active","requestId":"a","request_id":"b"}')).toEqual(["request_id"]);
    expect(await event([])).toEqual([""]);
    expect(await blamed(call("POST", "/v1/events:batch", { events: [{}, { nope: 1 }, 7] }))).toEqual([
      "events[1].nope",
      "events[2]",
    ]);
    const webhook = { name: "x", url: "https://h.example", headers: { a: 1 } };
    expect(await blamed(call("POST", `${channels}/generic-webhook`, webhook))).toEqual(['headers["a"]']);
    expect(await blamed(call("PUT", `${channels}/${id}`, { id: otherTenantId }))).toEqual(["id"]);
  });

  it("of what is not JSON say where", async () => {
    const { body } = await call("POST", "/v1/events", '{"type": "grant.active",\n oops}');
    expect(body.message).toMatch(/not valid JSON: .*line 2/);
    const request = http1Request(`${server.url}/v1/events`, {
      method: "POST",
      headers: { ...headers, "content-type": "application/json" },
    });
    request.end(Buffer.from('{"type":"\xff"}', "latin1"));
    const status = await new Promise((done) =>
      request.once("response", (answer) => done(answer.resume().statusCode)),
    );
    expect(status).toBe(400);
  });

  it.each([
    ["text/plain", 415],
    ["application/x-www-form-urlencoded", 415],
    ["application/json; charset=latin1", 415],
    ["application/json; charset=utf-8", 202],
    ['application/json; charset= "UTF-8"', 202],
    ['application/json; charset="latin1"', 415],
    ["Application/JSON;v=1", 202],
  ])("depend on the Content-Type: %s", async (type, status) => {
    const answer = await call("POST", "/v1/events", { type: "grant.active" }, { "content-type": type });
    expect(answer.status).toBe(status);
    if (status === 415) expect(answer.body.code).toBe("unsupported_media_type");
  });

  it("have their own status and code", async () => {
    const event = { type: "grant.active" };
    const refusal = async (answer: ReturnType<typeof call>) => {
      const { status, body, headers: received } = await answer;
      expect(Object.keys(body)).toEqual(["code", "message", "details"]);
      return [status, body.code, received.get("retry-after") ?? received.get("allow")];
    };
    const without = (name: string, value = "") => call("POST", "/v1/events", event, { [name]: value });
    expect(await refusal(without("x-api-key"))).toEqual([401, "unauthenticated", null]);
    expect(await refusal(without("x-tenant-id"))).toEqual([400, "invalid_argument", null]);
    expect(await refusal(without("x-tenant-id", otherTenantId))).toEqual([403, "tenant_mismatch", null]);
    expect(await refusal(without("x-api-key", "reader"))).toEqual([403, "permission_denied", null]);
    expect(await refusal(without("content-encoding", "gzip"))).toEqual([415, "unsupported_media_type", null]);
    expect(await refusal(call("POST", "/v1/events", { ...event, reason: "conflict" }))).toEqual([
      409,
      "already_exists",
      null,
    ]);
    expect(await refusal(call("POST", "/v1/events", { ...event, reason: "busy" }))).toEqual([
      429,
      "resource_exhausted",
      "7",
    ]);
    expect(await refusal(call("POST", "/v1/events", { ...event, reason: "throw" }))).toEqual([
      500,
      "internal",
      null,
    ]);
    expect(await refusal(call("GET", "/v1/deliveries"))).toEqual([501, "unimplemented", null]);
    expect(await refusal(call("GET", "/v1/nothing"))).toEqual([404, "not_found", null]);
    expect(await refusal(call("GET", `${channels}/`))).toEqual([404, "not_found", null]);
    expect(await refusal(call("PATCH", `${channels}/${id}`, {}))).toEqual([
      405,
      "method_not_allowed",
      "GET, HEAD, PUT, DELETE",
    ]);
    expect(await refusal(call("DELETE", "/v1/events:batch"))).toEqual([405, "method_not_allowed", "POST"]);
    expect(
      (await call("POST", "/v1/events", event, { "x-tenant-id": headers["x-tenant-id"].toUpperCase() }))
        .status,
    ).toBe(202);
  });
});

describe("the path table", () => {
  const table = createPathTable<string>();
  table.add("GET", "/v1/things/{id}", "get");
  table.add("POST", "/v1/things/special", "special");
  table.add("POST", "/v1/things/{id}:run", "run");
  table.add("GET", "/v1/things/{id}/parts/{part=*}", "part");

  it("prefers literals, and yet finds the method", () => {
    expect(table.find("POST", "/v1/things/special")).toMatchObject({ kind: "found", value: "special" });
    expect(table.find("GET", "/v1/things/special")).toEqual({
      kind: "found",
      value: "get",
      variables: { id: "special" },
    });
    expect(table.find("POST", "/v1/things/a:b:run")).toMatchObject({
      value: "run",
      variables: { id: "a:b" },
    });
    expect(table.find("PUT", "/v1/things/special")).toEqual({
      kind: "method_not_allowed",
      allow: ["POST", "GET"],
      near: [],
    });
    expect(table.find("GET", "/v1/things/")).toEqual({ kind: "not_found" });
    expect(table.find("GET", "/v1/things/%")).toEqual({ kind: "malformed" });
  });

  it("refuses templates that it does not support or has already", () => {
    for (const template of ["/v1/{id=a/*}", "/v1/**", "v1", "/v1/x{id}", "/v1/things/{id}"]) {
      expect(() => table.add("GET", template, "x"), template).toThrow();
    }
  });

  it("gives variables back as they were, whatever they are", () => {
    const segment = fc.string({ unit: "grapheme", minLength: 1 });
    fc.assert(
      fc.property(segment, segment, (first, second) => {
        const path = `/v1/things/${encodeURIComponent(first)}/parts/${encodeURIComponent(second)}`;
        expect(table.find("GET", path)).toEqual({
          kind: "found",
          value: "part",
          variables: { id: first, part: second },
        });
      }),
    );
  });

  it("survives any path", () => {
    fc.assert(
      fc.property(fc.string({ unit: "binary" }), fc.array(fc.string()), (method, parts) => {
        const kinds = ["found", "method_not_allowed", "malformed", "not_found"];
        expect(kinds).toContain(table.find(method, parts.join("/")).kind);
        expect(kinds).toContain(table.find("GET", `/v1/things/${parts.join("/")}`).kind);
      }),
    );
  });
});

describe("the field validator", () => {
  const validate = createFieldValidator();

  it("answers one entry a field, said so that it tells what is allowed", () => {
    const email = create(CreateEmailChannelRequestSchema, {
      name: "x",
      smtpHost: "mail.example",
      smtpPort: 0,
      toAddresses: ["a", "b@example.com", "b@example.com"],
      smtpUsername: "user",
      tls: "maybe",
    });
    expect(validate(CreateEmailChannelRequestSchema, email)).toEqual([
      { field: "smtp_port", message: "must be from 1 to 65535" },
      { field: "from_address", message: "must be an e-mail address" },
      { field: "to_addresses", message: "must not name an item twice" },
      { field: "to_addresses[0]", message: "must be an e-mail address" },
      { field: "tls", message: "must be one of starttls, starttls_required, implicit, none" },
      { field: "smtp_password", message: "smtp_username and smtp_password go together" },
    ]);
  });

  it("joins what is wrong with the key and the value of a map", () => {
    const webhook = create(CreateGenericWebhookChannelRequestSchema, {
      name: "x",
      url: "https://h.example",
      headers: { host: "\n" },
    });
    expect(validate(CreateGenericWebhookChannelRequestSchema, webhook)).toEqual([
      {
        field: 'headers["host"]',
        message: expect.stringMatching(/must not be a header .*, must be printable/s),
      },
    ]);
  });
});
