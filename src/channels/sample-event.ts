import type { EventPayload, NoticeType } from "../events.ts";

/** An event as JITSudo might send it, with made-up values, to show or try what its notice is like. */
export function sampleEvent(type: NoticeType, now: Date): EventPayload {
  const occurred_at = now.toISOString();
  if (type === "channel.disabled") {
    return {
      type,
      occurred_at,
      resource_type: "notification_channel",
      resource_id: "Example channel",
      reason: "100 attempts in a row have failed; the last error: HTTP 503",
      attributes: {
        channel_id: "00000000-0000-7000-8000-000000000000",
        channel_name: "Example channel",
        channel_type: "generic_webhook",
      },
    };
  }
  const expires = new Date(now.getTime() + sampleSeconds * 1000);
  return {
    type,
    occurred_at,
    request_id: "req-example",
    ...(type.startsWith("grant.") && { grant_id: "grant-example" }),
    requester: "alice@example.com",
    ...(decided.has(type) && { reviewer: "bob@example.com" }),
    resource_type: "aws_account",
    resource_id: "123456789012",
    permission_set_arn: "arn:aws:iam::aws:policy/ReadOnlyAccess",
    duration_seconds: sampleSeconds,
    justification: "This is an example, nobody has asked for access.",
    ...(decided.has(type) && { reason: "This is an example." }),
    expires_at: expires.toISOString(),
  };
}

const sampleSeconds = 3_600;

const decided = new Set<NoticeType>(["request.approved", "request.denied", "grant.revoked"]);
