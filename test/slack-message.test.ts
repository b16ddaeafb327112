import fc from "fast-check";
import { describe, expect, test } from "vitest";
import type { Notice } from "../src/channels/channel.ts";
import { type SlackMessage, slackMessage } from "../src/channels/slack-message.ts";
import { type EventPayload, eventTypes } from "../src/events.ts";

function messageOf(event: EventPayload): SlackMessage {
  const notice: Notice = {
    deliveryId: "0198c0de-0000-7000-8000-000000000001",
    eventId: "0198c0de-0000-7000-8000-000000000002",
    tenantId: "0198c0de-0000-7000-8000-000000000003",
    receivedAt: new Date("2026-03-01T10:00:00Z"),
    event,
  };
  return slackMessage(notice);
}

const url = "https://jitsudo.example.com/requests/7?a=1&b=2";

describe("a Slack message", () => {
  test("has header, sentence, facts, time and link", () => {
    const message = messageOf({
      type: "request.break_glass",
      requester: "R&D <!channel>",
      resource_type: "aws_account",
      resource_id: "123456789012",
      url,
    });
    expect(message).toEqual({
      text: "Break-glass access used: R&amp;D &lt;!channel&gt; used emergency break-glass access to aws_account 123456789012.",
      blocks: [
        { type: "header", text: { type: "plain_text", text: "🚨 Break-glass access used" } },
        {
          type: "section",
          text: {
            type: "mrkdwn",
            text: "R&amp;D &lt;!channel&gt; used emergency break-glass access to aws_account 123456789012.",
            verbatim: true,
          },
        },
        {
          type: "section",
          fields: [
            { type: "mrkdwn", text: "*Requester*\nR&amp;D &lt;!channel&gt;", verbatim: true },
            { type: "mrkdwn", text: "*Resource*\naws_account 123456789012", verbatim: true },
          ],
        },
        {
          type: "context",
          elements: [
            {
              type: "mrkdwn",
              text: "<!date^1772359200^{date_short_pretty} {time}|2026-03-01 10:00 UTC> · request.break_glass",
              verbatim: true,
            },
          ],
        },
        {
          type: "actions",
          elements: [{ type: "button", text: { type: "plain_text", text: "Open" }, url }],
        },
      ],
      unfurl_links: false,
      unfurl_media: false,
    });
  });

  test("has neither facts nor a button when nothing is known", () => {
    const { blocks } = messageOf({ type: "grant.active" });
    expect(blocks.map(({ type }) => type)).toEqual(["header", "section", "context"]);
  });

  test.each(["javascript:alert(1)", "nonsense", `https://example.com/${"x".repeat(3000)}`])(
    "has no button for an address that Slack would refuse: %.30s",
    (url) => {
      expect(messageOf({ type: "grant.active", url }).blocks.some(({ type }) => type === "actions")).toBe(
        false,
      );
    },
  );

  const hostile = fc.oneof(
    fc.constantFrom(
      "<!channel>",
      "<!here|x>",
      "<@U012AB3CD>",
      "<#C012>",
      "<https://evil.example|click>",
      "&lt;",
    ),
    fc.string({ unit: fc.constantFrom("<", ">", "&", "!", "|", "\u{1f600}", "\ud83d", "\n", "a") }),
    fc.string({ unit: "binary" }),
    fc
      .tuple(fc.constantFrom("<", "&", ">", "\u{1f600}", "\ud83d", "a<", "x"), fc.nat(4000))
      .map(([text, times]) => text.repeat(times)),
  );
  const event: fc.Arbitrary<EventPayload> = fc.record(
    {
      type: fc.constantFrom(...eventTypes),
      request_id: hostile,
      grant_id: hostile,
      requester: hostile,
      reviewer: hostile,
      resource_type: hostile,
      resource_id: hostile,
      permission_set_arn: hostile,
      duration_seconds: fc.nat(),
      justification: hostile,
      reason: hostile,
      expires_at: hostile,
      url: fc.oneof(
        hostile,
        hostile.map((path) => `https://example.com/${path}`),
      ),
    },
    { requiredKeys: ["type"] },
  );

  test("holds no markup but its own date, whatever the event says", () => {
    fc.assert(
      fc.property(event, (event) => {
        const texts = textsOf(messageOf(event)).map(({ text }) => text.replace(/^<!date\^[^<>]+>/, ""));
        for (const text of texts) {
          expect(text).not.toMatch(/[<>]/);
          expect(text).not.toMatch(/&(?!(amp|lt|gt);)/);
        }
      }),
    );
  });

  test("keeps to Slack's limits and cuts no character in two", () => {
    fc.assert(
      fc.property(event, (event) => {
        const message = messageOf(event);
        expect(message.blocks.length).toBeLessThanOrEqual(50);
        for (const { text, limit } of textsOf(message)) {
          expect(text.length).toBeGreaterThan(0);
          expect(text.length).toBeLessThanOrEqual(limit);
          expect(text.isWellFormed()).toBe(true);
        }
      }),
    );
  });

  test("marks what it cut", () => {
    const [, , facts] = messageOf({ type: "request.denied", reason: "&".repeat(1000) }).blocks;
    const text = facts?.type === "section" && "fields" in facts ? (facts.fields[0]?.text ?? "") : "";
    expect(text).toMatch(/^\*Reason\*\n(&amp;)+…$/);
    expect(text.length).toBeGreaterThan(1990);
  });
});

/** Every text of a message with the limit that Slack documents for its place. */
function textsOf({ text, blocks }: SlackMessage): { text: string; limit: number }[] {
  const inBlocks = blocks.flatMap((block) => {
    if (block.type === "header") return [{ text: block.text.text, limit: 150 }];
    if (block.type === "context") return block.elements.map(({ text }) => ({ text, limit: 3000 }));
    if (block.type === "actions") {
      return block.elements.flatMap(({ text, url }) => [
        { text: text.text, limit: 75 },
        { text: url.replaceAll("&", "&amp;"), limit: 3000 * 5 },
        { text: "x".repeat(url.length), limit: 3000 },
      ]);
    }
    if ("text" in block) return [{ text: block.text.text, limit: 3000 }];
    expect(block.fields.length).toBeLessThanOrEqual(10);
    return block.fields.map(({ text }) => ({ text, limit: 2000 }));
  });
  return [{ text, limit: 40_000 }, ...inBlocks];
}
