import fc from "fast-check";
import { describe, expect, test } from "vitest";
import { phraseText } from "../src/channels/phrase.ts";
import { summarize } from "../src/channels/summary.ts";
import { utcText } from "../src/channels/time-text.ts";
import { type EventPayload, type EventType, eventTypes } from "../src/events.ts";
import { full, hostileEvent, noticeOf, now } from "./support/notices.ts";

const end = "Sun, 1 Mar 2026, 17:05 UTC";

function sentenceOf(event: EventPayload): string {
  return phraseText(summarize(noticeOf(event), now).sentence, utcText);
}

describe("a summary", () => {
  const sentences: Record<EventType, { full: string; bare: string }> = {
    "request.pending": {
      full: "alice@example.com asks for access to AWS account 123456789012 for 1 h 30 min.",
      bare: "Someone asks for access.",
    },
    "request.approved": {
      full: "bob@example.com approved alice@example.com's request for access to AWS account 123456789012 for 1 h 30 min.",
      bare: "The request for access was approved.",
    },
    "request.denied": {
      full: "bob@example.com denied alice@example.com's request for access to AWS account 123456789012 for 1 h 30 min.",
      bare: "The request for access was denied.",
    },
    "request.expired": {
      full: "alice@example.com's request for access to AWS account 123456789012 was not approved in time.",
      bare: "The request for access was not approved in time.",
    },
    "request.break_glass": {
      full: `alice@example.com used break-glass to get access to AWS account 123456789012 until ${end}.`,
      bare: "Someone used break-glass to get access.",
    },
    "grant.active": {
      full: `alice@example.com now has access to AWS account 123456789012 until ${end}.`,
      bare: "Someone now has access.",
    },
    "grant.expiring_soon": {
      full: `alice@example.com's access to AWS account 123456789012 ends at ${end}.`,
      bare: "The access ends soon.",
    },
    "grant.expired": {
      full: "alice@example.com's access to AWS account 123456789012 has ended as planned.",
      bare: "The access has ended as planned.",
    },
    "grant.revoked": {
      full: "bob@example.com revoked alice@example.com's access to AWS account 123456789012.",
      bare: "The access was revoked before its end.",
    },
  };

  test.each(eventTypes)("of %s reads well with all fields and with none", (type) => {
    expect(sentenceOf({ ...full, type })).toBe(sentences[type].full);
    expect(sentenceOf({ type })).toBe(sentences[type].bare);
    const { facts, quotes, links, occurredAt } = summarize(noticeOf({ type }), now);
    expect([facts, quotes, links]).toEqual([[], [], []]);
    expect(occurredAt).toEqual(new Date("2026-03-01T10:00:00Z"));
  });

  test.each([
    [{ type: "grant.revoked", reviewer: "bob" }, "bob revoked the access."],
    [{ type: "request.denied", requester: "al" }, "al's request for access was denied."],
    [{ type: "request.denied", reviewer: "bob" }, "bob denied the request for access."],
    [{ type: "grant.active", requester: "al", duration_seconds: 60 }, "al now has access for 1 min."],
    [
      { type: "request.pending", permission_set_arn: "arn:aws:iam::aws:policy/Admin", resource_id: "x" },
      "Someone asks for Admin on x.",
    ],
    [
      { type: "grant.expired", permission_set_arn: "arn:aws:iam::aws:policy/Admin" },
      "The grant of Admin has ended as planned.",
    ],
    [
      { type: "grant.active", resource_type: "My Thing", resource_id: "7" },
      "Someone now has access to My Thing 7.",
    ],
  ] as [EventPayload, string][])("holds with some of the fields: %j", (event, sentence) => {
    expect(sentenceOf(event)).toBe(sentence);
  });

  test("tells the nine types apart by title and icon", () => {
    const summaries = eventTypes.map((type) => summarize(noticeOf({ type }), now));
    expect(new Set(summaries.map(({ title }) => title)).size).toBe(9);
    expect(new Set(summaries.map(({ icon }) => icon)).size).toBe(9);
    const critical = summaries.filter(({ severity }) => severity === "critical");
    expect(critical.map(({ title }) => title)).toEqual(["Break-glass access used"]);
  });

  const lateStep = `The request expired at ${end}: there is nothing to decide any more.`;

  test.each([
    [
      "request.pending",
      "Approval was needed",
      "alice@example.com asked for access to AWS account 123456789012 for 1 h 30 min.",
      lateStep,
    ],
    [
      "request.break_glass",
      "Break-glass access used",
      `alice@example.com used break-glass and had access to AWS account 123456789012 until ${end}.`,
      "The approval was bypassed. Check that the emergency was real.",
    ],
    [
      "grant.active",
      "Access was live",
      `alice@example.com had access to AWS account 123456789012 until ${end}.`,
      "",
    ],
    [
      "grant.expiring_soon",
      "Access has ended",
      `alice@example.com's access to AWS account 123456789012 ended at ${end}.`,
      "",
    ],
  ] as const)("of %s that comes late calls for nothing that is over", (type, title, sentence, step) => {
    const event = { ...full, type };
    const at = (time: string) => summarize(noticeOf(event), new Date(time));
    const late = at("2026-03-01T17:05:30Z");
    expect(late.title).toBe(title);
    expect(phraseText(late.sentence, utcText)).toBe(sentence);
    expect(phraseText(late.nextStep, utcText)).toBe(step);
    expect(late.severity).toBe(type === "request.break_glass" ? "critical" : "info");
    expect(late.facts.map(({ label }) => label)).not.toContain("Expires");
    expect(at("2026-03-01T17:05:29Z").sentence).toEqual(summarize(noticeOf(event), now).sentence);
    const timeless = summarize(noticeOf({ ...event, expires_at: "" }), new Date("2036-01-01"));
    expect(timeless.severity).toBe(summarize(noticeOf(event), now).severity);
  });

  test("asks the reviewer to decide in time, and the auditor to check", () => {
    const stepOf = (event: EventPayload) => phraseText(summarize(noticeOf(event), now).nextStep, utcText);
    expect(stepOf({ ...full, type: "request.pending" })).toBe(
      `Approve or deny the request before it expires at ${end}.`,
    );
    expect(stepOf({ type: "request.pending" })).toBe("Approve or deny the request.");
    expect(stepOf({ type: "request.break_glass" })).toMatch(/bypassed.*Check.*revoke/);
  });

  test("lists what is known, in a fixed order", () => {
    const summary = summarize(noticeOf({ ...full, type: "request.break_glass" }), now);
    expect(summary).toMatchObject({
      severity: "critical",
      links: [{ label: "Check this access", url: full.url }],
      occurredAt: new Date("2026-03-01T09:05:00Z"),
      product: "JITSudo",
    });
    expect(summary.facts).toEqual([
      { label: "Requester", value: "alice@example.com" },
      { label: "Reviewer", value: "bob@example.com" },
      { label: "Resource", value: "AWS account 123456789012" },
      { label: "Permission set", value: "arn:aws:sso:::permissionSet/ssoins-1/ps-2" },
      { label: "Duration", value: "1 h 30 min" },
      { label: "Expires", value: new Date("2026-03-01T17:05:30Z") },
      { label: "Request", value: "req-7" },
      { label: "Grant", value: "grant-9" },
    ]);
    expect(summary.quotes).toEqual([
      { label: "Justification", text: "Restore the\nprimary database" },
      { label: "Reason", text: "On call" },
    ]);
  });

  test("of a disabled channel tells which, and is no break-glass", () => {
    const event: EventPayload = {
      type: "channel.disabled",
      resource_type: "notification_channel",
      resource_id: "ops",
      reason: "HTTP 404",
      attributes: { channel_id: "0198c0de", channel_name: "ops", channel_type: "aws_sns" },
    };
    const summary = summarize(noticeOf(event), now);
    expect(summary.severity).toBe("warning");
    expect(phraseText(summary.sentence, utcText)).toBe(
      "The notification channel ops was disabled, since it kept failing.",
    );
    expect(summary.facts).toEqual([
      { label: "Channel", value: "ops" },
      { label: "Kind", value: "AWS SNS" },
      { label: "Channel ID", value: "0198c0de" },
    ]);
    expect(summarize(noticeOf({ type: "channel.disabled" }), now).facts).toEqual([]);
  });

  test("does not call a time to come what has passed", () => {
    const labelsAt = (at: Date) =>
      eventTypes.map((type) => summarize(noticeOf({ type, expires_at: end }), at).facts[0]?.label);
    const expires = "Expires";
    // In the order of the types: nothing ends with what was denied.
    expect(labelsAt(now)).toEqual([
      "Request expires",
      expires,
      undefined,
      "Expired",
      expires,
      expires,
      expires,
      "Ended",
      "Planned end",
    ]);
    const late = new Set(labelsAt(new Date("2026-03-02T00:00:00Z")));
    expect(late).toEqual(new Set(["Request expired", undefined, "Expired", "Ended", "Planned end"]));
  });

  test.each([
    ["\u3164"],
    ["\u2800\u2800"],
    ["\u180e"],
    ["\u034f\u034f"],
    ["\u00ad"],
    ["\ufff9\ufffb"],
    ["\u115f\uffa0"],
    ["\u200d\ufe0f\u0301"],
    ["\u00a0\u2003"],
  ])("takes a name of nothing that can be seen for none: %j", (requester) => {
    const event: EventPayload = { type: "request.pending", requester, justification: requester };
    const { sentence, facts, quotes } = summarize(noticeOf(event), now);
    expect(phraseText(sentence, utcText)).toBe("Someone asks for access.");
    expect([facts, quotes]).toEqual([[], []]);
  });

  test.each([
    ["ad\u00admin", "admin"],
    ["a\ufffbb\u3164c", "abc"],
    ["a\u2800b", "a b"],
    ["\u2764\ufe0f می\u200cخواهم", "\u2764\ufe0f می\u200cخواهم"],
  ])("shows of a name what can be seen: %j", (requester, shown) => {
    expect(summarize(noticeOf({ type: "request.pending", requester }), now).facts).toEqual([
      { label: "Requester", value: shown },
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
    const { facts } = summarize(noticeOf({ type: "grant.active", duration_seconds }), now);
    expect(facts.find(({ label }) => label === "Duration")?.value).toBe(text);
  });

  test("links to where the tenant's pages are when the event does not say", () => {
    const linkBaseUrl = "https://access.example.com/app/";
    const linksOf = (event: EventPayload) =>
      summarize(noticeOf(event, { linkBaseUrl }), now).links.map(({ url }) => url.replace(linkBaseUrl, ""));
    expect(linksOf({ type: "request.pending", request_id: "r/1 ü" })).toEqual(["requests/r%2F1%20%C3%BC"]);
    expect(linksOf({ type: "grant.active", request_id: "r1", grant_id: "g1" })).toEqual([
      "grants/g1",
      "requests/r1",
    ]);
    expect(linksOf({ type: "grant.active", request_id: "r1" })).toEqual(["requests/r1"]);
    expect(linksOf({ type: "request.expired", grant_id: "g1" })).toEqual(["grants/g1"]);
    // What is to be revoked is the grant.
    const emergency: EventPayload = { type: "request.break_glass", request_id: "r1", grant_id: "g1" };
    expect(linksOf(emergency)).toEqual(["requests/r1", "grants/g1"]);
    expect(linksOf({ ...emergency, url: "http://a.example/x" })).toEqual(["http://a.example/x", "grants/g1"]);
    expect(linksOf({ type: "request.break_glass", grant_id: "g1" })).toEqual(["grants/g1"]);
    expect(linksOf({ type: "request.pending" })).toEqual([]);
    expect(linksOf({ type: "request.pending", request_id: "r1", url: "http://a.example/x" })).toEqual([
      "http://a.example/x",
    ]);
  });

  test.each([
    ["https://a.example", "https://a.example/"],
    ["https://a.example/?", "https://a.example/"],
    ["https://u@a.example:8443/x?q=1&r=a|b[]#c#d", "https://u@a.example:8443/x?q=1&r=a%7Cb%5B%5D#c%23d"],
    ["https://a.example/50%/%41 ü", "https://a.example/50%25/%41%20%C3%BC"],
    ["javascript:alert(1)", undefined],
    ["/relative", undefined],
  ])("links to %s as a URI", (url, link) => {
    expect(summarize(noticeOf({ type: "grant.active", url }), now).links[0]?.url).toBe(link);
  });

  test("is short and clean, whatever the event holds", () => {
    fc.assert(
      fc.property(hostileEvent, (event) => {
        const { title, sentence, facts, quotes, links } = summarize(noticeOf(event), now);
        const values = facts.map(({ value }) => (value instanceof Date ? utcText(value) : value));
        const line = phraseText(sentence, utcText);
        expect(line.length).toBeLessThan(500);
        for (const text of [title, line, ...values]) {
          expect(text).not.toMatch(/[\p{Cc}\u2028\u2029\u200b\u202a-\u202e\u2066-\u2069]|\p{M}{4}/u);
          expect(text).not.toBe("");
          expect(text.isWellFormed()).toBe(true);
        }
        for (const value of values) expect(value.length).toBeLessThanOrEqual(200);
        for (const { text } of quotes) {
          expect(text.length).toBeLessThanOrEqual(1_200);
          expect(text.split("\n").length).toBeLessThanOrEqual(17);
        }
        for (const { url } of links) expect(url).toMatch(/^https?:\/\/\S+$/);
      }),
    );
  });
});
