import fc from "fast-check";
import { describe, expect, test } from "vitest";
import type { ChannelConfigs, Notice } from "../src/channels/channel.ts";
import { renderEmail } from "../src/channels/email-message.ts";
import { summarize } from "../src/channels/summary.ts";
import { type EventPayload, eventTypes } from "../src/events.ts";

type EmailConfig = ChannelConfigs["email"];

const breakGlass: EventPayload = {
  type: "request.break_glass",
  occurred_at: "2026-03-01T09:05:00Z",
  request_id: "req-7",
  requester: "alice",
  resource_type: "aws_account",
  resource_id: "123",
  justification: "Database <down>\nRestore & check",
  url: "https://jitsudo.example.com/requests/7?a=1&b=2",
};

function noticeOf(event: EventPayload = breakGlass): Notice {
  return {
    deliveryId: "0198c0de-0000-7000-8000-000000000001",
    eventId: "0198c0de-0000-7000-8000-000000000002",
    tenantId: "0198c0de-0000-7000-8000-000000000003",
    receivedAt: new Date("2026-03-01T10:00:00Z"),
    event,
  };
}

describe("a rendered mail", () => {
  test("threads with the others about the same request of the same tenant", () => {
    const config = { from_address: "a@example.com", to_addresses: ["b@example.com"] } as EmailConfig;
    const threadOf = (event: Partial<EventPayload>, tenantId = "t1") =>
      renderEmail(config, { ...noticeOf({ type: "grant.active", ...event }), tenantId }).references;
    expect(threadOf({ request_id: "r1", grant_id: "g1" })).toBe(threadOf({ request_id: "r1" }));
    expect(threadOf({ request_id: "r1" })).not.toBe(threadOf({ request_id: "r2" }));
    expect(threadOf({ request_id: "r1" })).not.toBe(threadOf({ request_id: "r1" }, "t2"));
    expect(threadOf({ grant_id: "g1" })).toBeDefined();
    expect(threadOf({})).toBeUndefined();
  });

  test("is whole and harmless whatever an event holds", () => {
    const text = fc.oneof(
      fc.string({ unit: "binary" }),
      fc.constantFrom(
        '<script>alert("1")</script>',
        "' onclick='x",
        "a\r\nBcc: b@c.d",
        "\u202egnp.exe",
        "\ud800",
      ),
    );
    const events = fc.record(
      {
        type: fc.constantFrom(...eventTypes),
        requester: text,
        reviewer: text,
        resource_type: text,
        resource_id: text,
        justification: text,
        reason: text,
        request_id: text,
        grant_id: text,
        occurred_at: fc.constantFrom("2026-03-01T09:05:00Z", "not a time"),
        duration_seconds: fc.nat(),
        url: fc.oneof(fc.webUrl(), fc.constantFrom("javascript:alert(1)", 'https://a.example/"onload="x')),
      },
      { requiredKeys: ["type"] },
    );
    fc.assert(
      fc.property(events, (event) => {
        const notice = noticeOf(event);
        const config = { from_address: "a@exämple.com", to_addresses: ["b@example.com"] } as EmailConfig;
        const { subject, text, html, messageId } = renderEmail(config, notice);
        expect(subject).toMatch(/^\[JITSudo\] [^\p{Cc}]{1,139}$/u);
        expect(subject?.isWellFormed()).toBe(true);
        expect(messageId).toBe(`<${notice.deliveryId}@jitsudo-notifications>`);
        const { shown, tags } = readHtml(String(html));
        expect(shown).not.toMatch(/[<>]|[^\P{Cc}\n\t]/u);
        expect(tags.filter((tag) => !allowedTag.test(tag))).toEqual([]);
        const { title, facts } = summarize(notice);
        for (const part of [shown, String(text)]) {
          expect(part).toContain(title);
          for (const { label } of facts) expect(part).toContain(label);
        }
      }),
      { numRuns: 500 },
    );
  });

  test("says the same in HTML and in text", () => {
    for (const type of eventTypes) {
      const { text, html } = renderEmail(
        { from_address: "a@example.com", to_addresses: ["b@example.com"] } as EmailConfig,
        noticeOf({ ...breakGlass, type, justification: `1 < 2 && "3" > '2'` }),
      );
      const words = (part: string) =>
        part
          .replace(/:? +|\n/g, " ")
          .split(/[\s:]+/)
          .filter(Boolean);
      const plain = readHtml(String(html)).shown.replace(/&lt;/g, "<").replace(/&gt;/g, ">");
      const unescaped = plain
        .replace(/&quot;/g, '"')
        .replace(/&#39;/g, "'")
        .replace(/&amp;/g, "&");
      expect(words(unescaped)).toEqual(words(String(text)));
    }
  });
});

/** What the template itself writes; nothing else may become a tag. */
const allowedTag =
  /^<(!DOCTYPE html|\/?(html|head|body|div|h1|p|table|tr|th|td|br|a)|html lang="en"|meta charset="utf-8"|(body|div|h1|p|td) style="[^"<>]*"|th align="left" style="[^"<>]*"|table cellpadding="0" cellspacing="0" style="[^"<>]*"|a href="https?:[^"<>\s]*")>$/;

function readHtml(html: string): { shown: string; tags: string[] } {
  return { shown: html.replace(/<[^<>]*>/g, " "), tags: html.match(/<[^<>]*>/g) ?? [] };
}
