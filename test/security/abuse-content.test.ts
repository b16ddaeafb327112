import { create, toBinary } from "@bufbuild/protobuf";
import { afterAll, beforeAll, describe, expect, inject, it } from "vitest";
import { IngestEventRequestSchema } from "../../gen/jitsudo/notifications/v1/event_pb.js";
import { Code, createNotificationsClient } from "../../src/clients/connect.ts";
import type { Api, ErrorJson } from "../e2e/api.ts";
import { type HttpSink, startHttpSink } from "../sinks/http-sink.ts";
import type { Service } from "../support/service.ts";
import { type Key, openRig, type Rig } from "./rig.ts";

const connectPath = "/jitsudo.notifications.v1.EventIngestService/IngestEvent";

let rig: Rig;
let sink: HttpSink;
let service: Service;
let tenant: string;
let key: Key;
let api: Api;
beforeAll(async () => {
  rig = await openRig(inject("postgresUrl"), { JITSUDO_ALLOW_DESTINATIONS: "127.0.0.0/8" });
  sink = await startHttpSink();
  tenant = await rig.createTenant("abuse");
  key = await rig.createKey(tenant);
  service = await rig.start();
  api = rig.api(service, key, tenant);
});
afterAll(async () => {
  // Whatever was sent, nothing of it was a surprise.
  expect(service.running()).toBe(true);
  expect(service.stderr()).not.toContain("unexpected error");
  await rig.close();
  await sink.close();
});

/** The event as JSON text, over REST and over Connect. */
async function sendJson(text: string) {
  const [rest, connect] = [
    await api.send<ErrorJson>("POST", "/v1/events", text),
    await api.send<ErrorJson>("POST", connectPath, text),
  ];
  return { rest, connect };
}

async function sendBinary(message: Uint8Array): Promise<{ status: number; body: ErrorJson }> {
  const response = await fetch(service.url + connectPath, {
    method: "POST",
    headers: { "X-API-Key": key.apiKey, "X-Tenant-ID": tenant, "Content-Type": "application/proto" },
    body: Buffer.from(message),
  });
  const body = Buffer.from(await response.arrayBuffer());
  return { status: response.status, body: response.ok ? undefined : JSON.parse(body.toString()) };
}

describe("JSON", () => {
  it("with the names of prototypes is passed on as data and changes nothing else", async () => {
    const channel = await api.createWebhook(`${sink.url}/prototypes`);
    const attributes =
      '{"__proto__":{"polluted":1},"constructor":{"prototype":{"polluted":1}},"toString":"x"}';
    const { rest, connect } = await sendJson(`{"type":"grant.active","attributes":${attributes}}`);
    expect([rest.status, connect.status]).toEqual([202, 200]);
    await sink.waitFor((requests) => requests.some(({ path }) => path === "/prototypes"));
    expect(sink.to("/prototypes")[0]?.body).toContain('"__proto__":{"polluted":1}');
    for (const name of ["__proto__", "constructor", "hasOwnProperty"]) {
      const top = await sendJson(`{"type":"grant.active","${name}":{"polluted":1}}`);
      for (const { status, body } of [top.rest, top.connect]) {
        expect([status, body.code]).toEqual([400, "invalid_argument"]);
      }
      const config = `{"config":{"url":"${sink.url}/x","${name}":"x"}}`;
      const put = await api.send<ErrorJson>("PUT", `/v1/notification-channels/${channel.id}`, config);
      expect(put).toMatchObject({
        status: 400,
        body: { details: { fields: [{ field: `config.${name}` }] } },
      });
      const headers = `{"name":"x","url":"${sink.url}/h","headers":{"${name}":"v"}}`;
      const made = await api.send<{ id: string; config: { headers: object } }>(
        "POST",
        "/v1/notification-channels/generic-webhook",
        headers,
      );
      expect(made.status).toBe(201);
      expect(Object.entries(made.body.config.headers)).toEqual([[name, "********"]]);
      const put2 = await api.send("PUT", `/v1/notification-channels/${made.body.id}`, {
        config: made.body.config,
      });
      expect(put2.status).toBe(200);
      await api.send("DELETE", `/v1/notification-channels/${made.body.id}`);
    }
    const { body } = await api.send<object>("GET", `/v1/notification-channels/${channel.id}`);
    expect(body).not.toHaveProperty("polluted");
    await api.send("DELETE", `/v1/notification-channels/${channel.id}`);
  });

  it.each([50, 1_000, 20_000, 500_000])("nested %d levels deep is taken or refused", async (depth) => {
    for (const [open, close] of [
      ['{"a":', "}"],
      ["[", "]"],
    ] as const) {
      const value = `${open.repeat(depth)}1${close.repeat(depth)}`;
      const { rest, connect } = await sendJson(`{"type":"grant.active","attributes":{"a":${value}}}`);
      expect([202, 400]).toContain(rest.status);
      expect([200, 400]).toContain(connect.status);
      expect(rest.status === 400).toBe(connect.status === 400);
      // Where no JSON of that shape belongs, it is refused all the same.
      const wrong = await sendJson(`{"type":${value}}`);
      expect([wrong.rest.status, wrong.connect.status]).toEqual([400, 400]);
    }
    if (depth <= 50) {
      const fine = await sendJson(
        `{"type":"grant.active","attributes":${'{"a":'.repeat(depth)}{}${"}".repeat(depth)}}`,
      );
      expect(fine.rest.status).toBe(202);
    }
  });

  it.each([
    ['"attributes":{"n":1e400}', 400],
    ['"attributes":{"n":-1e400}', 400],
    ['"attributes":{"n":1e308}', 202],
    ['"attributes":{"n":-0.0}', 202],
    ['"attributes":{"n":123456789012345678901234567890}', 202],
    [`"attributes":{"n":${"9".repeat(400)}}`, 400],
    ['"attributes":{"n":NaN}', 400],
    ['"attributes":{"n":Infinity}', 400],
    ['"duration_seconds":2147483648', 400],
    ['"duration_seconds":1e10', 400],
    ['"duration_seconds":1.5', 400],
    ['"duration_seconds":-1', 400],
    ['"duration_seconds":"NaN"', 400],
    ['"occurred_at":"9999-12-31T23:59:59.999999999Z"', 202],
    ['"occurred_at":"10000-01-01T00:00:00Z"', 400],
    ['"occurred_at":"0000-01-01T00:00:00Z"', 400],
    ['"deliver_before":"0001-01-01T00:00:00Z"', 202],
    ['"deliver_before":"9999-12-31T23:59:59Z"', 202],
  ])("with the number or time %s is answered with %d", async (fields, status) => {
    const { rest, connect } = await sendJson(`{"type":"grant.active",${fields}}`);
    expect([rest.status, connect.status], JSON.stringify(rest.body)).toEqual([
      status,
      status === 202 ? 200 : status,
    ]);
  });

  it("with lone surrogates, zero characters and the like is stored or refused", async () => {
    const texts = ["\\ud800", "\\udc00x", "\\u0000", "\\ufffe\\uffff", "\u2028", "\\ud83d\\ude00", "\u202e"];
    for (const field of ["reason", "requester", "resource_id", "request_id", "idempotency_key", "url"]) {
      for (const text of texts) {
        const value = field === "idempotency_key" ? `${text}${Math.random()}` : text;
        const { rest, connect } = await sendJson(`{"type":"grant.active","${field}":"${value}"}`);
        expect([202, 400], `${field} ${text} ${JSON.stringify(rest.body)}`).toContain(rest.status);
        expect([200, 400], `${field} ${text} ${JSON.stringify(connect.body)}`).toContain(connect.status);
      }
    }
    for (const text of texts) {
      const { rest } = await sendJson(`{"type":"grant.active","attributes":{"${text}":"${text}"}}`);
      expect([202, 400], text).toContain(rest.status);
      const made = await api.send("POST", "/v1/notification-channels/generic-webhook", {
        name: JSON.parse(`"${text}"`),
        url: "http://127.0.0.1/x",
        enabled: false,
      });
      expect([201, 400], text).toContain(made.status);
    }
  });
});

describe("what is wrong in hundreds of thousands of places", () => {
  const many = (count: number, entry: (index: number) => string) =>
    Array.from({ length: count }, (_, index) => entry(index)).join();
  const unknown = `{"type":"grant.active",${many(200_000, (index) => `"k${index}":1`)}}`;

  it("is answered with the first few of them", async () => {
    const webhook = `{"name":"x","url":"${sink.url}/x"`;
    const bodies = [
      ["/v1/events", unknown],
      [connectPath, unknown],
      ["/v1/events:batch", `{"events":[${many(200_000, () => "{}")}]}`],
      [
        "/v1/notification-channels/generic-webhook",
        `${webhook},"event_filters":[${many(200_000, () => '""')}]}`,
      ],
      [
        "/v1/notification-channels/generic-webhook",
        `${webhook},"headers":{${many(200_000, (index) => `"k${index}":"v"`)}}}`,
      ],
      [
        "/v1/notification-channels/generic-webhook",
        `${webhook},"event_filters":[${many(200_000, (index) => `${index}`)}]}`,
      ],
    ] as const;
    for (const [path, body] of bodies) {
      const { status, body: answer } = await api.send("POST", path, body);
      expect(status, path).toBe(400);
      expect(JSON.stringify(answer).length, path).toBeLessThan(20_000);
    }
  });

  it("does not get in without a key", async () => {
    const response = await fetch(`${service.url}/grpc.health.v1.Health/Check`, {
      method: "POST",
      headers: { "Content-Type": "application/json" },
      body: unknown,
    });
    expect(response.status).toBe(429);
    expect((await response.text()).length).toBeLessThan(1_000);
  });
});

describe("binary messages", () => {
  const event = (attributes: object) =>
    toBinary(
      IngestEventRequestSchema,
      create(IngestEventRequestSchema, { type: "grant.active", ...attributes }),
    );

  it("with what has no form in JSON are refused", async () => {
    const numbers = [Number.NaN, Number.POSITIVE_INFINITY, Number.NEGATIVE_INFINITY];
    const messages = [
      ...numbers.map((value) => attributesOf(field(2, tag(2, 1, double(value))))),
      event({ occurredAt: { $typeName: "google.protobuf.Timestamp", seconds: 10n ** 15n, nanos: 0 } }),
      event({ occurredAt: { $typeName: "google.protobuf.Timestamp", seconds: 0n, nanos: -5 } }),
      event({ occurredAt: { $typeName: "google.protobuf.Timestamp", seconds: 0n, nanos: 2_000_000_000 } }),
      event({ expiresAt: { $typeName: "google.protobuf.Timestamp", seconds: -(10n ** 15n), nanos: 0 } }),
      event({ deliverBefore: { $typeName: "google.protobuf.Timestamp", seconds: 10n ** 17n, nanos: 0 } }),
    ];
    for (const [index, message] of messages.entries()) {
      const { status, body } = await sendBinary(message);
      expect([status, body?.code], `message ${index}: ${JSON.stringify(body)}`).toEqual([
        400,
        "invalid_argument",
      ]);
    }
  });

  it.each([20, 1_000, 100_000])("with a Struct %d levels deep are taken or refused", async (depth) => {
    let value: Buffer = Buffer.from([0x20, 1]); // bool_value: true
    const layers: Buffer[] = [];
    for (let level = 0; level < depth; level++) {
      // list_value { values { ... } }
      const inner = value.length + layers.reduce((sum, { length }) => sum + length, 0);
      const list = Buffer.concat([Buffer.from([0x0a]), varint(inner)]);
      layers.unshift(Buffer.concat([Buffer.from([0x32]), varint(inner + list.length), list]));
      if (layers.length > 200) {
        value = Buffer.concat([...layers.splice(0), value]);
      }
    }
    const { status } = await sendBinary(attributesOf(field(2, Buffer.concat([...layers, value]))));
    expect(depth <= 20 ? [200] : [400]).toContain(status);
  });

  it("with times that no calendar has are refused, by the name of their field", async () => {
    const time = (seconds: bigint, nanos: number) => ({
      $typeName: "google.protobuf.Timestamp" as const,
      seconds,
      nanos,
    });
    for (const beyond of [time(8_640_000_000_001n, 0), time(-62_135_596_801n, 0), time(0n, -5)]) {
      const { status, body } = await sendBinary(event({ deliverBefore: beyond }));
      expect([status, body.details.fields?.[0]?.field ?? body.message]).toEqual([
        400,
        expect.stringContaining("deliver_before"),
      ]);
      const client = createNotificationsClient({
        baseUrl: service.url,
        apiKey: key.apiKey,
        tenantId: tenant,
      });
      const listing = client.deliveries.listDeliveries({ since: beyond });
      await expect(listing).rejects.toMatchObject({ code: Code.InvalidArgument });
      client.close();
    }
  });

  it("with invalid UTF-8, unknown fields, groups and cut ends are taken or refused", async () => {
    const type = field(1, Buffer.from("grant.active"));
    const bodies = [
      // A Value that is none of the kinds.
      attributesOf(field(2, Buffer.alloc(0))),
      Buffer.concat([type, field(13, Buffer.from([0xff, 0xfe, 0xed, 0xa0, 0x80]))]),
      Buffer.concat([type, field(999, Buffer.from("unknown"))]),
      Buffer.concat([type, Buffer.alloc(20_000, 0x0b)]),
      Buffer.concat([type, Buffer.from([0x6a, 0xff, 0xff, 0xff, 0xff, 0x0f])]),
      Buffer.alloc(1000, 0xff),
      type.subarray(0, -1),
      Buffer.alloc(0),
    ];
    for (const body of bodies) expect([200, 400]).toContain((await sendBinary(body)).status);
  });
});

/** An event with `attributes`, whose one entry "a" has the value that is given as encoded field. */
function attributesOf(value: Buffer): Buffer {
  const entry = Buffer.concat([field(1, Buffer.from("a")), value]);
  const struct = field(1, entry);
  return Buffer.concat([field(1, Buffer.from("grant.active")), field(16, struct)]);
}

/** A length-delimited field. */
function field(number: number, bytes: Buffer): Buffer {
  return Buffer.concat([varint((number << 3) | 2), varint(bytes.length), bytes]);
}

function tag(number: number, wireType: number, bytes: Buffer): Buffer {
  return Buffer.concat([varint((number << 3) | wireType), bytes]);
}

function double(value: number): Buffer {
  const bytes = Buffer.alloc(8);
  bytes.writeDoubleLE(value);
  return bytes;
}

function varint(value: number): Buffer {
  const bytes: number[] = [];
  let rest = value;
  while (rest >= 0x80) {
    bytes.push((rest % 0x80) | 0x80);
    rest = Math.floor(rest / 0x80);
  }
  return Buffer.from([...bytes, rest]);
}
