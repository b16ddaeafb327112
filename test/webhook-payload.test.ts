import { readFileSync } from "node:fs";
import { Ajv2020 } from "ajv/dist/2020.js";
import formats from "ajv-formats";
import { CloudEvent, HTTP } from "cloudevents";
import fc from "fast-check";
import { describe, expect, test } from "vitest";
import { binaryCloudEvent, structuredCloudEvent } from "../src/channels/cloud-event.ts";
import { type WebhookMessage, webhookPayload } from "../src/channels/webhook-payload.ts";
import { type EventPayload, eventTypes } from "../src/events.ts";
import { full, hostileEvent, noticeOf, now } from "./support/notices.ts";

const schema = JSON.parse(
  readFileSync(`${import.meta.dirname}/../docs/schema/notice.v1.schema.json`, "utf8"),
);
const ajv = new Ajv2020({ allErrors: true });
formats.default(ajv);
const validate = ajv.compile(schema);

function payloadOf(event: EventPayload) {
  return webhookPayload(noticeOf(event, { linkBaseUrl: "https://access.example.com" }), now);
}

describe("the payload", () => {
  test.each(eventTypes)("of %s is as the schema documents it, full and bare", (type) => {
    for (const event of [{ ...full, attributes: { ticket: ["OPS-1", 2, null] }, type }, { type }]) {
      const payload = JSON.parse(JSON.stringify(payloadOf(event)));
      expect(validate(payload), ajv.errorsText(validate.errors)).toBe(true);
      expect(Object.keys(schema.properties)).toEqual(expect.arrayContaining(Object.keys(payload)));
      expect(Object.keys(schema.$defs.data.properties)).toEqual(
        expect.arrayContaining(Object.keys(payload.data)),
      );
    }
  });

  test("is as documented whatever an event holds", () => {
    fc.assert(
      fc.property(hostileEvent, (event) => {
        const { expires_at: _, ...sent } = event;
        const payload = JSON.parse(JSON.stringify(payloadOf(sent)));
        expect(validate(payload), ajv.errorsText(validate.errors)).toBe(true);
        const { type, occurred_at, ...data } = JSON.parse(JSON.stringify(sent));
        expect(payload.data).toEqual(data);
      }),
    );
  });

  test("says for people what has happened, and links to it", () => {
    expect(payloadOf({ type: "request.pending", request_id: "r1", requester: "al" })).toMatchObject({
      schema: schema.$id,
      severity: "warning",
      title: "Approval needed",
      summary: "al asks for access.",
      url: "https://access.example.com/requests/r1",
    });
  });

  test("that breaks the schema is told apart", () => {
    for (const change of [
      { type: "grant.lost" },
      { severity: "loud" },
      { data: [] },
      { timestamp: "now" },
      { schema: 1 },
    ]) {
      expect(validate({ ...payloadOf({ type: "grant.active" }), ...change })).toBe(false);
    }
  });
});

describe("a CloudEvent", () => {
  /** Reads a message as a receiver does that has the CNCF's SDK, which checks it against the specification. */
  function read({ headers, body }: WebhookMessage) {
    const pairs = Array.from({ length: headers.length / 2 }, (_, n) => [headers[2 * n], headers[2 * n + 1]]);
    const event = HTTP.toEvent({ headers: Object.fromEntries(pairs), body });
    if (!(event instanceof CloudEvent)) throw new Error("A batch");
    expect(event.validate()).toBe(true);
    return event;
  }

  test.each([
    ["structured", structuredCloudEvent],
    ["binary", binaryCloudEvent],
  ])("in %s mode carries the payload", (_, draw) => {
    const payload = payloadOf({ ...full, type: "request.break_glass" });
    const event = read(draw(payload));
    expect(event).toMatchObject({
      specversion: "1.0",
      id: payload.id,
      source: `urn:jitsudo:tenant:${payload.tenant_id}`,
      type: "jitsudo.request.break_glass",
      subject: "req-7",
      datacontenttype: "application/json",
      dataschema: schema.$id,
      tenantid: payload.tenant_id,
      deliveryid: payload.delivery_id,
      severity: "critical",
    });
    expect(new Date(event.time ?? "")).toEqual(new Date("2026-03-01T09:05:00Z"));
    expect(event.data).toEqual(JSON.parse(JSON.stringify(payload)));
  });

  test("is one in both modes whatever an event holds", () => {
    fc.assert(
      fc.property(hostileEvent, (sent) => {
        const payload = payloadOf({ ...sent, occurred_at: "2026-03-01T09:05:00Z" });
        const { subject = "" } = read(structuredCloudEvent(payload));
        const binary = binaryCloudEvent(payload);
        for (const text of binary.headers) expect(text).toMatch(/^[!-~ ]+$/);
        expect(decodeURIComponent(String(read(binary).subject ?? ""))).toBe(subject);
        expect(subject).not.toMatch(/\p{Cc}/u);
      }),
    );
  });

  test("has no subject when the event names neither request nor grant", () => {
    expect(read(binaryCloudEvent(payloadOf({ type: "grant.active" }))).subject).toBeUndefined();
    expect(read(binaryCloudEvent(payloadOf({ type: "grant.active", grant_id: 'ü"%' }))).subject).toBe(
      "%C3%BC%22%25",
    );
  });
});
