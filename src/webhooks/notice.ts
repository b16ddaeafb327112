import type { EventPayload, NoticeType } from "../events.ts";

/** Names the notice's form: the `$id` of docs/schema/notice.v1.schema.json. */
export const noticeSchema = "urn:jitsudo:notice:v1";

/**
 * The JSON that generic webhooks, CloudEvents and SNS carry. It begins with the members
 * that Standard Webhooks recommends (`type`, `timestamp`, `data`). Members may be added;
 * none is renamed or removed as long as `schema` stays the same.
 */
export interface WebhookNotice {
  /** UUIDv7 of the event, the same on every channel. */
  id: string;
  /** The event type. */
  type: NoticeType;
  /** When it happened, RFC 3339: as sent, else when it was received. */
  timestamp: string;
  /** When the server received it, RFC 3339. */
  received_at: string;
  /** UUID of the tenant. */
  tenant_id: string;
  /** UUIDv7 of the delivery, the same on every attempt. */
  delivery_id: string;
  schema: typeof noticeSchema;
  severity: "info" | "success" | "warning" | "critical";
  /** What has happened, in a few words. */
  title: string;
  /** Who, what, where and until when, in a sentence; times in UTC. */
  summary: string;
  /** Where to act; absent when neither the event nor the tenant's settings tell. */
  url?: string;
  /** Of a notice that only tries the channel out; absent otherwise. */
  test?: true;
  /** Every other field of the event as it was sent. */
  data: Omit<EventPayload, "type" | "occurred_at">;
}
