/** The nine things that JITSudo tells about. */
export const eventTypes = [
  "request.pending",
  "request.approved",
  "request.denied",
  "request.expired",
  "request.break_glass",
  "grant.active",
  "grant.expiring_soon",
  "grant.expired",
  "grant.revoked",
] as const;

export type EventType = (typeof eventTypes)[number];

/**
 * Everything that a notice can be about. "channel.disabled" is what the service tells
 * about itself: channels can ask for it, but nobody can send it.
 */
export type NoticeType = EventType | "channel.disabled";

/** A value that JSON can hold. */
export type Json = null | boolean | number | string | Json[] | { [key: string]: Json };

/**
 * What the sender told about a request or a grant: the JSON of
 * IngestEventRequest without its idempotency key. A field that was not sent is
 * absent. Times are RFC 3339 strings.
 */
export interface EventPayload {
  type: NoticeType;
  occurred_at?: string;
  request_id?: string;
  grant_id?: string;
  requester?: string;
  reviewer?: string;
  resource_type?: string;
  resource_id?: string;
  permission_set_arn?: string;
  duration_seconds?: number;
  justification?: string;
  reason?: string;
  expires_at?: string;
  url?: string;
  attributes?: { [key: string]: Json };
}
