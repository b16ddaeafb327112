import type { Notice } from "./channel.ts";

/**
 * The JSON that generic webhooks and SNS receive. It begins with the members that
 * Standard Webhooks recommends (`type`, `timestamp`, `data`). Members may be added;
 * none is renamed or removed.
 *
 * - `id`: UUIDv7 of the event, the same on every channel
 * - `type`: the event type
 * - `timestamp`: when it happened, RFC 3339: as sent, else when it was received
 * - `received_at`: when the server received it, RFC 3339
 * - `tenant_id`: UUID of the tenant
 * - `delivery_id`: UUIDv7 of the delivery, the same on every attempt
 * - `data`: every other field of the event as it was sent
 */
export function webhookPayload(notice: Notice): string {
  const { type, occurred_at, ...data } = notice.event;
  const receivedAt = notice.receivedAt.toISOString();
  return JSON.stringify({
    id: notice.eventId,
    type,
    timestamp: occurred_at ?? receivedAt,
    received_at: receivedAt,
    tenant_id: notice.tenantId,
    delivery_id: notice.deliveryId,
    data,
  });
}
