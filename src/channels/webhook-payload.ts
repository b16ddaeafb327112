import type { Json } from "../events.ts";
import type { Notice } from "./channel.ts";
import { phraseText } from "./phrase.ts";
import { summarize } from "./summary.ts";
import { utcText } from "./time-text.ts";
import type { Severity } from "./wordings.ts";

/** Names the payload's form: the `$id` of docs/schema/notice.v1.schema.json. */
export const payloadSchema = "urn:jitsudo:notice:v1";

/**
 * The JSON that generic webhooks, CloudEvents and SNS carry. It begins with the members
 * that Standard Webhooks recommends (`type`, `timestamp`, `data`). Members may be added;
 * none is renamed or removed as long as `schema` stays the same.
 */
export interface WebhookPayload {
  /** UUIDv7 of the event, the same on every channel. */
  id: string;
  /** The event type. */
  type: Notice["event"]["type"];
  /** When it happened, RFC 3339: as sent, else when it was received. */
  timestamp: string;
  /** When the server received it, RFC 3339. */
  received_at: string;
  /** UUID of the tenant. */
  tenant_id: string;
  /** UUIDv7 of the delivery, the same on every attempt. */
  delivery_id: string;
  schema: typeof payloadSchema;
  severity: Severity;
  /** What has happened, in a few words. */
  title: string;
  /** Who, what, where and until when, in a sentence; times in UTC. */
  summary: string;
  /** Where to act; absent when neither the event nor the tenant's settings tell. */
  url?: string;
  /** Of a notice that only tries the channel out; absent otherwise. */
  test?: true;
  /** Every other field of the event as it was sent. */
  data: { [field: string]: Json };
}

/** A drawn payload with the headers that tell its form, names and values in turn. */
export interface WebhookMessage {
  headers: string[];
  body: string;
}

export function webhookPayload(notice: Notice): WebhookPayload {
  const { type, occurred_at, ...data } = notice.event;
  const { severity, title, sentence, links } = summarize(notice);
  const [link] = links;
  const receivedAt = notice.receivedAt.toISOString();
  return {
    id: notice.eventId,
    type,
    timestamp: occurred_at ?? receivedAt,
    received_at: receivedAt,
    tenant_id: notice.tenantId,
    delivery_id: notice.deliveryId,
    schema: payloadSchema,
    severity,
    title,
    summary: phraseText(sentence, utcText),
    ...(link && { url: link.url }),
    ...(notice.test && { test: true as const }),
    data,
  };
}
