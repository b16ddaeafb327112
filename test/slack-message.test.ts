import fc from "fast-check";
import { describe, expect, test } from "vitest";
import { type SlackBlock, type SlackMessage, slackMessage } from "../src/channels/slack-message.ts";
import type { TenantSettings } from "../src/channels/tenant-settings.ts";
import type { EventPayload } from "../src/events.ts";
import { full, hostileEvent, noticeOf, now } from "./support/notices.ts";

function messageOf(event: EventPayload, mention?: string, settings?: TenantSettings, at = now): SlackMessage {
  const config = {
    webhook_url: "https://hooks.slack.com/x",
    ...(mention && { break_glass_mention: mention }),
  };
  return slackMessage(config, noticeOf(event, settings), at);
}

const url = "https://jitsudo.example.com/requests/7?a=1&b=2";
const plain = (text: string) => ({ type: "plain_text", text, emoji: true });
const markdown = (text: string) => ({ type: "mrkdwn", text, verbatim: true });

describe("a Slack message", () => {
  test("has header, sentence, reason and link on top, details beside the colour", () => {
    const message = messageOf({
      type: "request.break_glass",
      requester: "R&D <!channel>",
      resource_type: "aws_account",
      resource_id: "123456789012",
      justification: "Down\nsince > 5 min",
      expires_at: "2026-03-01T11:00:00Z",
      url,
    });
    const step =
      "The approval was bypassed. Check that the emergency is real, and revoke the access if it is not.";
    const until = "<!date^1772362800^{date_short_pretty} at {time}|Sun, 1 Mar 2026, 11:00 UTC>";
    expect(message).toEqual({
      text: "🚨 Break-glass access used: R&amp;D &lt;!channel&gt; used break-glass to get access to AWS account 123456789012 until Sun, 1 Mar 2026, 11:00 UTC.",
      blocks: [
        { type: "header", text: plain("🚨 Break-glass access used") },
        {
          type: "section",
          text: markdown(
            `*R&amp;D &lt;!channel&gt;* used break-glass to get access to *AWS account 123456789012* until ${until}.\n${step}`,
          ),
        },
        { type: "section", text: markdown("*Justification*\n>Down\n>since &gt; 5 min") },
        {
          type: "actions",
          elements: [{ type: "button", text: plain("Check this access"), url, style: "danger" }],
        },
      ],
      attachments: [
        {
          color: "#cf222e",
          fallback: "Break-glass access used",
          blocks: [
            {
              type: "section",
              fields: [
                markdown("*Requester*\nR&amp;D &lt;!channel&gt;"),
                markdown("*Resource*\nAWS account 123456789012"),
                markdown(`*Expires*\n${until}`),
              ],
            },
            {
              type: "context",
              elements: [
                markdown(
                  "<!date^1772359200^{date_short_pretty} at {time}|Sun, 1 Mar 2026, 10:00 UTC> · request.break_glass · JITSudo",
                ),
              ],
            },
          ],
        },
      ],
      unfurl_links: false,
      unfurl_media: false,
    });
  });

  test.each([
    ["here", "<!here> *al* used"],
    ["channel", "<!channel> *al* used"],
    ["S012ABC", "<!subteam^S012ABC> *al* used"],
    [undefined, "*al* used"],
  ])("mentions %s on break-glass, and nobody otherwise", (mention, start) => {
    const opening = (event: EventPayload) => {
      const [, section] = messageOf(event, mention).blocks;
      return section?.type === "section" && "text" in section ? section.text.text : "";
    };
    expect(opening({ type: "request.break_glass", requester: "al" }).startsWith(start)).toBe(true);
    expect(opening({ type: "request.pending", requester: "al" })).toMatch(/^\*al\* asks/);
  });

  test("has neither facts nor a button when nothing is known", () => {
    const { blocks, attachments } = messageOf({ type: "grant.active" });
    expect(blocks.map(({ type }) => type)).toEqual(["header", "section"]);
    expect(attachments[0].blocks.map(({ type }) => type)).toEqual(["context"]);
  });

  test.each(["javascript:alert(1)", "nonsense", `https://example.com/${"x".repeat(3000)}`])(
    "has no button for an address that Slack would refuse: %.30s",
    (url) => {
      expect(messageOf({ type: "grant.active", url }).blocks.some(({ type }) => type === "actions")).toBe(
        false,
      );
    },
  );

  test("that comes too late has no button to approve with", () => {
    const event: EventPayload = { ...full, type: "request.pending" };
    const buttonsAt = (at: Date) =>
      messageOf(event, undefined, undefined, at).blocks.flatMap((block) =>
        block.type === "actions" ? block.elements : [],
      );
    expect(buttonsAt(now)).toMatchObject([{ text: plain("Review request"), style: "primary" }]);
    const late = buttonsAt(new Date("2026-03-02T00:00:00Z"));
    expect(late).toEqual([{ type: "button", text: plain("View request"), url: full.url }]);
  });

  test("links a grant and its request, and is signed with the tenant's name", () => {
    const settings = { linkBaseUrl: "https://a.example", productName: "A & B" };
    const message = messageOf({ type: "grant.active", request_id: "r", grant_id: "g" }, undefined, settings);
    expect(message.blocks.at(-1)).toEqual({
      type: "actions",
      elements: [
        { type: "button", text: plain("View grant"), url: "https://a.example/grants/g" },
        { type: "button", text: plain("View request"), url: "https://a.example/requests/r" },
      ],
    });
    expect(JSON.stringify(message.attachments)).toContain("· A &amp; B");
  });

  test("holds no markup but its own dates and quotes, whatever the event says", () => {
    fc.assert(
      fc.property(hostileEvent, (event) => {
        for (const { text } of textsOf(messageOf(event))) {
          const foreign = text.replace(/<!date\^\d+\^[^<>|]*\|[^<>]*>/g, "").replace(/^>/gm, "");
          expect(foreign).not.toMatch(/[<>]/);
          expect(foreign).not.toMatch(/&(?!(amp|lt|gt);)/);
        }
      }),
    );
  });

  test("keeps to Slack's limits and cuts no character in two", () => {
    fc.assert(
      fc.property(hostileEvent, (event) => {
        const message = messageOf(event);
        expect(message.blocks.length + message.attachments[0].blocks.length).toBeLessThanOrEqual(50);
        for (const { text, limit } of textsOf(message)) {
          expect(text.length).toBeGreaterThan(0);
          expect(text.length).toBeLessThanOrEqual(limit);
          expect(text.isWellFormed()).toBe(true);
        }
      }),
    );
  });

  test("lets no name end its bold type, and no quote pass for our words", () => {
    const message = messageOf({
      type: "grant.revoked",
      reviewer: "a* approved *b",
      reason: "x\n*Reviewer*\ny",
    });
    const [, , opening, quote] = textsOf(message).map(({ text }) => text);
    expect(message.text).toBe("⛔ Access revoked: a∗ approved ∗b revoked the access.");
    expect(opening).toBe("*a∗ approved ∗b* revoked the access.");
    expect(quote).toBe("*Reason*\n>x\n>∗Reviewer∗\n>y");
  });

  test("formats nothing of a value, and keeps the ids that have a mark within", () => {
    const message = messageOf({
      type: "request.pending",
      requester: "_admin_",
      resource_id: "*prod* ~x~ _y_ `z` my_db__main",
      justification: "_now_",
    });
    const resource = "∗prod∗ ∼x∼ ˍyˍ ˋzˋ my_db__main";
    const texts = textsOf(message).map(({ text }) => text);
    expect(texts).toEqual(
      expect.arrayContaining([
        `*ˍadminˍ* asks for access to *${resource}*.\nApprove or deny the request.`,
        "*Requester*\nˍadminˍ",
        `*Resource*\n${resource}`,
        "*Justification*\n>ˍnowˍ",
      ]),
    );
  });

  test("marks what it cut", () => {
    const [, , quote] = messageOf({ type: "request.denied", reason: "&".repeat(1000) }).blocks;
    const text = quote?.type === "section" && "text" in quote ? quote.text.text : "";
    expect(text).toMatch(/^\*Reason\*\n>(&amp;)+…$/);
    expect(text.length).toBeGreaterThan(690);
  });
});

/** Every text of a message with the limit that Slack documents for its place. */
function textsOf({ text, blocks, attachments }: SlackMessage): { text: string; limit: number }[] {
  const inBlocks = [...blocks, ...attachments.flatMap(({ blocks }) => blocks)].flatMap(textsOfBlock);
  return [{ text, limit: 40_000 }, ...inBlocks];
}

function textsOfBlock(block: SlackBlock): { text: string; limit: number }[] {
  if (block.type === "header") return [{ text: block.text.text, limit: 150 }];
  if (block.type === "context") {
    expect(block.elements.length).toBeLessThanOrEqual(10);
    return block.elements.map(({ text }) => ({ text, limit: 3000 }));
  }
  if (block.type === "actions") {
    expect(block.elements.length).toBeLessThanOrEqual(25);
    return block.elements.flatMap(({ text, url }) => {
      expect(url.length).toBeLessThanOrEqual(3000);
      return [{ text: text.text, limit: 75 }];
    });
  }
  if ("text" in block) return [{ text: block.text.text, limit: 3000 }];
  expect(block.fields.length).toBeLessThanOrEqual(10);
  return block.fields.map(({ text }) => ({ text, limit: 2000 }));
}
