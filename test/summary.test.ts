import fc from "fast-check";
import { describe, expect, test } from "vitest";
import type { Notice } from "../src/channels/channel.ts";
import { summarize } from "../src/channels/summary.ts";
import { type EventPayload, type EventType, eventTypes } from "../src/events.ts";

const full: Omit<EventPayload, "type"> = {
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

function noticeOf(event: EventPayload): Notice {
  return {
    deliveryId: "0198c0de-0000-7000-8000-000000000001",
    eventId: "0198c0de-0000-7000-8000-000000000002",
    tenantId: "0198c0de-0000-7000-8000-000000000003",
    receivedAt: new Date("2026-03-01T10:00:00Z"),
    event,
  };
}

describe("a summary", () => {
  const sentences: Record<EventType, { full: string; bare: string }> = {
    "request.pending": {
      full: "alice@example.com asks for access to aws_account 123456789012 for 1 h 30 min.",
      bare: "Someone asks for access.",
    },
    "request.approved": {
      full: "The access request by alice@example.com for aws_account 123456789012 was approved by bob@example.com.",
      bare: "The access request was approved.",
    },
    "request.denied": {
      full: "The access request by alice@example.com for aws_account 123456789012 was denied by bob@example.com.",
      bare: "The access request was denied.",
    },
    "request.expired": {
      full: "The access request by alice@example.com for aws_account 123456789012 expired before it was approved.",
      bare: "The access request expired before it was approved.",
    },
    "request.break_glass": {
      full: "alice@example.com used emergency break-glass access to aws_account 123456789012 for 1 h 30 min.",
      bare: "Someone used emergency break-glass access.",
    },
    "grant.active": {
      full: "alice@example.com now has access to aws_account 123456789012 until 2026-03-01 17:05 UTC.",
      bare: "Someone now has access.",
    },
    "grant.expiring_soon": {
      full: "The access of alice@example.com to aws_account 123456789012 ends soon, at 2026-03-01 17:05 UTC.",
      bare: "The access ends soon.",
    },
    "grant.expired": {
      full: "The access of alice@example.com to aws_account 123456789012 has ended.",
      bare: "The access has ended.",
    },
    "grant.revoked": {
      full: "The access of alice@example.com to aws_account 123456789012 was revoked by bob@example.com.",
      bare: "The access was revoked.",
    },
  };

  test.each(eventTypes)("of %s reads well with all fields and with none", (type) => {
    expect(summarize(noticeOf({ ...full, type })).sentence).toBe(sentences[type].full);
    const bare = summarize(noticeOf({ type }));
    expect(bare.sentence).toBe(sentences[type].bare);
    expect(bare.facts).toEqual([]);
    expect(bare).not.toHaveProperty("url");
    expect(bare.occurredAt).toEqual(new Date("2026-03-01T10:00:00Z"));
  });

  test("has a title of its own for every type", () => {
    expect(new Set(eventTypes.map((type) => summarize(noticeOf({ type })).title)).size).toBe(9);
  });

  test("lists what is known, in a fixed order", () => {
    const summary = summarize(noticeOf({ ...full, type: "request.break_glass" }));
    expect(summary).toMatchObject({
      severity: "critical",
      url: full.url,
      occurredAt: new Date("2026-03-01T09:05:00Z"),
    });
    expect(summary.facts).toEqual([
      { label: "Requester", value: "alice@example.com" },
      { label: "Reviewer", value: "bob@example.com" },
      { label: "Resource", value: "aws_account 123456789012" },
      { label: "Permission set", value: "arn:aws:sso:::permissionSet/ssoins-1/ps-2" },
      { label: "Duration", value: "1 h 30 min" },
      { label: "Justification", value: "Restore the\nprimary database" },
      { label: "Reason", value: "On call" },
      { label: "Expires", value: "2026-03-01 17:05 UTC" },
      { label: "Request", value: "req-7" },
      { label: "Grant", value: "grant-9" },
    ]);
  });

  test.each([
    [28_800, "8 h"],
    [5400, "1 h 30 min"],
    [45, "45 s"],
    [172_800, "2 d"],
    [90_061, "1 d 1 h 1 min 1 s"],
    [0, undefined],
  ])("says %i seconds as %s", (duration_seconds, text) => {
    const { facts } = summarize(noticeOf({ type: "grant.active", duration_seconds }));
    expect(facts.find(({ label }) => label === "Duration")?.value).toBe(text);
  });

  test("takes a time that it cannot read as it is", () => {
    const event: EventPayload = { type: "grant.expired", occurred_at: "yesterday", expires_at: "noon" };
    const summary = summarize(noticeOf(event));
    expect(summary.occurredAt).toEqual(new Date("2026-03-01T10:00:00Z"));
    expect(summary.facts).toEqual([{ label: "Expires", value: "noon" }]);
  });

  test("keeps title and sentence on one line, whatever the names hold", () => {
    const text = fc.string({ unit: "binary" });
    const event = fc.record({
      type: fc.constantFrom(...eventTypes),
      requester: text,
      reviewer: text,
      resource_type: text,
      resource_id: text,
    });
    fc.assert(
      fc.property(event, (event) => {
        const { title, sentence, facts } = summarize(noticeOf(event));
        for (const line of [title, sentence, ...facts.map(({ value }) => value)]) {
          expect(line).not.toMatch(/[\p{Cc}\u2028\u2029\u202a-\u202e\u2066-\u2069]/u);
          expect(line).not.toBe("");
        }
      }),
    );
  });
});
