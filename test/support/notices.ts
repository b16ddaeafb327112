import fc from "fast-check";
import type { Notice } from "../../src/channels/channel.ts";
import type { TenantSettings } from "../../src/channels/tenant-settings.ts";
import { type EventPayload, eventTypes } from "../../src/events.ts";

/** An event's fields, all of them. */
export const full: Omit<EventPayload, "type"> = {
  occurred_at: "2026-03-01T09:05:00Z",
  request_id: "req-7",
  grant_id: "grant-9",
  requester: "alice@example.com",
  reviewer: "bob@example.com",
  resource_type: "aws_account",
  resource_id: "123456789012",
  permission_set_arn: "arn:aws:sso:::permissionSet/ssoins-1/ps-2",
  duration_seconds: 5400,
  justification: "Restore the\nprimary database",
  reason: "On call",
  expires_at: "2026-03-01T17:05:30Z",
  url: "https://jitsudo.example.com/requests/7",
};

/** When the notices of tests are received and drawn, unless they say otherwise. */
export const now = new Date("2026-03-01T10:00:00Z");

export function noticeOf(event: EventPayload, settings?: TenantSettings): Notice {
  return {
    deliveryId: "0198c0de-0000-7000-8000-000000000001",
    eventId: "0198c0de-0000-7000-8000-000000000002",
    tenantId: "0198c0de-0000-7000-8000-000000000003",
    receivedAt: now,
    event,
    ...(settings && { settings }),
  };
}

const hostileText = fc.oneof(
  fc.constantFrom(
    "<!channel>",
    "<!here|x>",
    "<@U012AB3CD>",
    "<#C012>",
    "<https://evil.example|click>",
    "&lt;",
    "*x* approved by *y*",
    '<script>alert("1")</script>',
    "' onclick='x",
    "a\r\nBcc: b@c.d",
    "\u202egnp.exe",
    "\u200b",
    "\ud800",
    "e\u0301\u0301\u0301\u0301\u0301\u0301",
  ),
  fc.string({ unit: fc.constantFrom("<", ">", "&", "!", "|", "*", "\u{1f600}", "\ud83d", "\n", "a") }),
  fc.string({ unit: "binary" }),
  fc
    .tuple(fc.constantFrom("<", "&", ">", "\u{1f600}", "\ud83d", "a<", "x", "\n", "x\n"), fc.nat(4000))
    .map(([text, times]) => text.repeat(times)),
);

/** Events of all types with any of their fields, each as bad as it can be. */
export const hostileEvent: fc.Arbitrary<EventPayload> = fc.record(
  {
    type: fc.constantFrom(...eventTypes),
    occurred_at: fc.constantFrom(
      "2026-03-01T09:05:00Z",
      "0001-01-01T00:00:00Z",
      "9999-12-31T23:59:59.999999999Z",
    ),
    request_id: hostileText,
    grant_id: hostileText,
    requester: hostileText,
    reviewer: hostileText,
    resource_type: hostileText,
    resource_id: hostileText,
    permission_set_arn: hostileText,
    duration_seconds: fc.nat(2 ** 31 - 1),
    justification: hostileText,
    reason: hostileText,
    expires_at: fc.constantFrom("2026-03-01T17:05:30Z", "0001-01-01T00:00:00Z", "not a time"),
    url: fc.oneof(
      fc.webUrl(),
      fc.constantFrom("javascript:alert(1)", "nonsense", 'https://a.example/"onload="x'),
      hostileText.map((path) => `https://example.com/${path}`),
    ),
  },
  { requiredKeys: ["type"] },
);
