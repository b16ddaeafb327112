import fc from "fast-check";
import { describe, expect, test } from "vitest";
import type { ChannelConfigs } from "../src/channels/channel.ts";
import { renderEmail } from "../src/channels/email-message.ts";
import type { TenantSettings } from "../src/channels/tenant-settings.ts";
import { createTimeTexts } from "../src/channels/time-text.ts";
import { type EventPayload, eventTypes } from "../src/events.ts";
import { uuidv7 } from "../src/uuid-v7.ts";
import { full, hostileEvent, noticeOf, now } from "./support/notices.ts";

type EmailConfig = ChannelConfigs["email"];

const config: EmailConfig = {
  smtp_host: "smtp.example.com",
  smtp_port: 25,
  from_address: "a@example.com",
  to_addresses: ["b@example.com"],
};

const settings: TenantSettings = {
  timeText: createTimeTexts()("Europe/Berlin"),
  productName: "Acme & Access",
  logoUrl: "https://acme.example/logo.png?a=1&b=2",
  linkBaseUrl: "https://access.acme.example",
};

describe("a rendered mail", () => {
  test("threads with the others about the same request of the same tenant", () => {
    const threadOf = (event: Partial<EventPayload>, tenantId = "t1") => {
      const mail = renderEmail(config, { ...noticeOf({ type: "grant.active", ...event }), tenantId }, now);
      expect(mail.inReplyTo).toBe(mail.references);
      return mail.references;
    };
    expect(threadOf({ request_id: "r1", grant_id: "g1" })).toBe(threadOf({ request_id: "r1" }));
    expect(threadOf({ request_id: "r1" })).not.toBe(threadOf({ request_id: "r2" }));
    expect(threadOf({ request_id: "r1" })).not.toBe(threadOf({ request_id: "r1" }, "t2"));
    expect(threadOf({ grant_id: "g1" })).toBeDefined();
    expect(threadOf({})).toBeUndefined();
  });

  test("has the same base subject as the others about its request (RFC 5256, 2.1)", () => {
    const subjects = eventTypes.map((type) =>
      String(renderEmail(config, noticeOf({ ...full, type }), now).subject),
    );
    expect(new Set(subjects).size).toBe(9);
    expect(subjects[0]).toBe("[Approval needed] alice@example.com on AWS account 123456789012 (req-7)");
    const base = subjects.map((subject) => subject.replace(/^\[[^[\]]*\] /, ""));
    expect(new Set(base)).toEqual(new Set(["alice@example.com on AWS account 123456789012 (req-7)"]));
    const bare = eventTypes.map((type) => String(renderEmail(config, noticeOf({ type }), now).subject));
    expect(bare).toContain("[Break-glass access used] access request");
    expect(bare).toContain("[Access ended] access grant");
  });

  test("keeps that base subject, its tag and its request's id, however long the names are", () => {
    const request_id = "0195f0a0-0000-7000-8000-000000000100";
    for (const names of [
      { requester: "maximilian.mustermann@engineering.example.com", resource_id: "payments-".repeat(9) },
      { requester: "m".repeat(200), resource_id: "prod" },
      { requester: "al", resource_id: "x".repeat(200) },
    ]) {
      const bases = eventTypes.map((type) => {
        const subject = String(
          renderEmail(config, noticeOf({ ...names, request_id, resource_type: "db", type }), now).subject,
        );
        expect(subject).toMatch(/^\[[A-Z][A-Za-z -]+\] \S.* on \S.* \(0195f0a0-.*-000000000100\)$/);
        expect(subject.length).toBeLessThanOrEqual(150);
        return subject.replace(/^\[[^[\]]*\] /, "");
      });
      expect(new Set(bases).size).toBe(1);
      expect(bases[0]?.length).toBeGreaterThan(80);
    }
    const account = { resource_type: "aws_account", resource_id: "123456789012" };
    const long = noticeOf({ type: "grant.active", requester: "m".repeat(70), request_id, ...account });
    expect(renderEmail(config, long, now).subject).toMatch(
      /^\[Access is live\] m{59}… on 123456789012 \(0195/,
    );
  });

  test("is the same on every attempt", () => {
    const notice = noticeOf({ ...full, type: "request.pending" }, settings);
    expect(renderEmail(config, notice, now)).toEqual(renderEmail(config, notice, now));
  });

  test("is dated when its delivery was made, not when its event came", () => {
    const deliveryId = uuidv7();
    const { date } = renderEmail(config, { ...noticeOf({ type: "grant.active" }), deliveryId }, now);
    expect(Math.abs(Date.now() - Number(date))).toBeLessThan(5_000);
  });

  test("carries the tenant's name, logo, links and time zone", () => {
    const { url: _, ...event } = full;
    const { from, html, text, list } = renderEmail(
      config,
      noticeOf({ ...event, type: "grant.active" }, settings),
      now,
    );
    expect(from).toEqual({ name: "Acme & Access", address: "a@example.com" });
    expect(list).toEqual({ id: { url: "access-notices.example.com", comment: "Acme & Access" } });
    expect(html).toContain('<img src="https://acme.example/logo.png?a=1&amp;b=2"');
    expect(html).toContain("Acme &amp; Access · grant.active");
    expect(text).toContain("Expires: Sun, 1 Mar 2026, 18:05 CET (17:05 UTC)");
    expect(text).toContain("View grant: https://access.acme.example/grants/grant-9\n");
    expect(text).toContain("View request: https://access.acme.example/requests/req-7\n");
    expect(html).toContain('href="https://access.acme.example/grants/grant-9"');
  });

  test("is whole and harmless whatever an event holds", () => {
    fc.assert(
      fc.property(hostileEvent, fc.boolean(), (event, styled) => {
        const notice = noticeOf(event, styled ? settings : undefined);
        const { subject, text, html, messageId } = renderEmail(
          { ...config, from_address: "a@exämple.com" },
          notice,
          now,
        );
        expect(subject).toMatch(/^\[[A-Z][a-z -]+\] [^\p{Cc}]{1,140}$/u);
        expect(subject?.isWellFormed()).toBe(true);
        expect(messageId).toBe(`<${notice.deliveryId}@jitsudo-notifications>`);
        const { shown, tags } = readHtml(String(html));
        expect(shown).not.toMatch(/[<>]|[^\P{Cc}\n\t]/u);
        for (const tag of tags) expect(tag).toMatch(allowedTag);
        expect(String(html).isWellFormed() && String(text).isWellFormed()).toBe(true);
        // Gmail hides what comes after.
        expect(Buffer.byteLength(String(html))).toBeLessThan(102_400);
      }),
    );
  });

  test.each(eventTypes)("says the same in both parts: %s", (type) => {
    for (const event of [{ ...full, justification: `1 < 2 && "3" > '2'\n\nSecond`, type }, { type }]) {
      const { text, html } = renderEmail(config, noticeOf(event, settings), now);
      const links = /https:\S+/g;
      expect(words(shownIn(String(html)))).toEqual(
        words(String(text).replace(links, "").replace(/^> ?/gm, "")),
      );
      const hrefs = [...String(html).matchAll(/href="([^"]*)"/g)].map(([, href]) => href);
      expect(String(text).match(links) ?? []).toEqual(hrefs);
    }
  });
});

/** What a reader sees of the body: no tags, no picture for the title, no preview. */
function shownIn(html: string): string {
  const body = html.slice(html.indexOf("</head>")).replace(/<div style="display:none[^<]*<\/div>/, "");
  return readHtml(body)
    .shown.replace(/&lt;/g, "<")
    .replace(/&gt;/g, ">")
    .replace(/&quot;/g, '"')
    .replace(/&#39;/g, "'")
    .replace(/&amp;/g, "&")
    .replace(/\p{Extended_Pictographic}/u, "");
}

/** A label's colon stands in the text alone. */
function words(text: string): string[] {
  return text
    .replace(/:(?=\s)/g, " ")
    .split(/\s+/)
    .filter(Boolean);
}

/** What the template itself writes; nothing else may become a tag. */
const attribute =
  '(lang="en"|(class|style|role|width|height|align|valign|cellpadding|cellspacing|alt)="[^"<>]*")';
const allowedTag = new RegExp(
  `^<(!DOCTYPE html|meta (charset|name)="[^"<>]*"( content="[^"<>]*")?|img src="https:[^"<>\\s]*"( ${attribute})*` +
    `|/?(html|head|title|style|body|div|table|tr|th|td|br|wbr|a|b|p|h1)|(html|body|div|table|tr|th|td|p|b|h1)(\\s+${attribute})+` +
    `|a( class="link")? href="https?:[^"<>\\s]*" style="[^"<>]*")>$`,
);

/** The break marks within a name are no spaces. */
function readHtml(html: string): { shown: string; tags: string[] } {
  const shown = html.replace(/<\/?(b|wbr)( [^<>]*)?>/g, "").replace(/<[^<>]*>/g, " ");
  return { shown, tags: html.match(/<[^<>]*>/g) ?? [] };
}
