import type { EventPayload } from "../events.ts";
import { noticeSchema, type WebhookNotice } from "../webhooks/notice.ts";
import type { WebhookMessage } from "./webhook-payload.ts";

/**
 * The context of a notice as CloudEvents 1.0
 * (https://github.com/cloudevents/spec/blob/v1.0.2/cloudevents/spec.md). The last three
 * are extensions, whose names may hold lower-case letters and digits alone.
 */
interface CloudEventContext {
  specversion: "1.0";
  /** The event's id, the same on every channel and attempt: unique together with `source`. */
  id: string;
  source: string;
  type: string;
  time: string;
  /** The request's id, else the grant's; absent when the event names neither. */
  subject?: string;
  dataschema: string;
  tenantid: string;
  deliveryid: string;
  severity: string;
}

/** One JSON object with context and data (JSON event format). */
export function structuredCloudEvent(payload: WebhookNotice): WebhookMessage {
  const event = { ...contextOf(payload), datacontenttype: "application/json", data: payload };
  return {
    headers: ["content-type", "application/cloudevents+json; charset=utf-8"],
    body: JSON.stringify(event),
  };
}

/** The context in headers, the data as the body (HTTP protocol binding, 3.1). */
export function binaryCloudEvent(payload: WebhookNotice): WebhookMessage {
  const headers = Object.entries(contextOf(payload)).flatMap(([name, value]) => [
    `ce-${name}`,
    headerValue(value),
  ]);
  return { headers: ["content-type", "application/json", ...headers], body: JSON.stringify(payload) };
}

function contextOf(payload: WebhookNotice): CloudEventContext {
  const subject = subjectOf(payload.data);
  return {
    specversion: "1.0",
    id: payload.id,
    source: `urn:jitsudo:tenant:${payload.tenant_id}`,
    type: `jitsudo.${payload.type}`,
    time: payload.timestamp,
    ...(subject && { subject }),
    dataschema: noticeSchema,
    tenantid: payload.tenant_id,
    deliveryid: payload.delivery_id,
    severity: payload.severity,
  };
}

/** What is known of the request or the grant, without what a context attribute must not hold (spec, "Type system"). */
function subjectOf({ request_id, grant_id }: Pick<EventPayload, "request_id" | "grant_id">): string {
  return (request_id || grant_id || "").toWellFormed().replace(/[\p{Cc}\p{Cn}]/gu, "");
}

/** Everything but visible ASCII without `"` and `%` is percent-encoded (HTTP protocol binding, 3.1.3.2). */
function headerValue(text: string): string {
  return text.replace(/[^!#$&-~]/gu, (character) => encodeURIComponent(character));
}
