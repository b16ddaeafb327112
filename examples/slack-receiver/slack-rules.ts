import { z } from "zod";

// Slack's rules for the blocks that notices are made of, with its limits in characters
// (https://docs.slack.dev/reference/block-kit/blocks/). An unknown field is refused.

const plain = (max: number) =>
  z.strictObject({
    type: z.literal("plain_text"),
    text: z.string().min(1).max(max),
    emoji: z.boolean().optional(),
  });

const markdown = (max: number) =>
  z.strictObject({
    type: z.literal("mrkdwn"),
    text: z.string().min(1).max(max),
    verbatim: z.boolean().optional(),
  });

const button = z.strictObject({
  type: z.literal("button"),
  text: plain(75),
  url: z.url().max(3000),
  style: z.enum(["primary", "danger"]).optional(),
});

const block = z.discriminatedUnion("type", [
  z.strictObject({ type: z.literal("header"), text: plain(150) }),
  z
    .strictObject({
      type: z.literal("section"),
      text: markdown(3000).optional(),
      fields: z.array(markdown(2000)).min(1).max(10).optional(),
    })
    .refine(({ text, fields }) => text || fields, "needs text or fields"),
  z.strictObject({ type: z.literal("context"), elements: z.array(markdown(3000)).min(1).max(10) }),
  z.strictObject({ type: z.literal("actions"), elements: z.array(button).min(1).max(25) }),
]);

const attachment = z.strictObject({
  color: z.string().regex(/^(good|warning|danger|#[0-9a-f]{6})$/i),
  fallback: z.string(),
  blocks: z.array(block).max(50),
});

export const slackMessage = z.strictObject({
  text: z.string().min(1).max(40_000),
  blocks: z.array(block).max(50).optional(),
  attachments: z.array(attachment).max(100).optional(),
  unfurl_links: z.boolean().optional(),
  unfurl_media: z.boolean().optional(),
});
