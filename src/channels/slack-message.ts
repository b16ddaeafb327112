import type { Notice } from "./channel.ts";
import { formatUtc, type Severity, type Summary, summarize } from "./summary.ts";

/** Body of a post to a Slack incoming webhook. */
export interface SlackMessage {
  /** What notifications show and screen readers say. */
  text: string;
  blocks: SlackBlock[];
  /** Slack fetches no link that an event happens to contain. */
  unfurl_links: false;
  unfurl_media: false;
}

export type SlackBlock =
  | { type: "header"; text: PlainText }
  | { type: "section"; text: Markdown }
  | { type: "section"; fields: Markdown[] }
  | { type: "context"; elements: Markdown[] }
  | { type: "actions"; elements: { type: "button"; text: PlainText; url: string }[] };

interface PlainText {
  type: "plain_text";
  text: string;
}

interface Markdown {
  type: "mrkdwn";
  text: string;
  /** Keeps Slack from making links of names, channels and URLs in the text. */
  verbatim: true;
}

/**
 * Slack's limits, in characters (https://docs.slack.dev/reference/block-kit/blocks/).
 * `text` is our own choice: of a longer one Slack shows no more anyway.
 */
const limits = { header: 150, text: 3000, section: 3000, fields: 10, field: 2000, url: 3000 };

/** Draws a notice with Block Kit. No text of the event can mention, link or exceed a limit. */
export function slackMessage(notice: Notice): SlackMessage {
  const summary = summarize(notice);
  const { severity, title, sentence } = summary;
  return {
    text: clip(`${title}: ${sentence}`, limits.text),
    blocks: [
      { type: "header", text: plain(clip(`${emoji[severity]} ${title}`, limits.header)) },
      { type: "section", text: markdown(clip(sentence, limits.section)) },
      ...factsBlock(summary),
      { type: "context", elements: [markdown(`${slackDate(summary.occurredAt)} · ${notice.event.type}`)] },
      ...linkBlock(summary),
    ],
    unfurl_links: false,
    unfurl_media: false,
  };
}

const emoji: Record<Severity, string> = { info: "ℹ️", success: "✅", warning: "⚠️", critical: "🚨" };

/** Nothing when there are no facts, since Slack refuses a section without fields. */
function factsBlock({ facts }: Summary): SlackBlock[] {
  if (facts.length === 0) return [];
  const fields = facts.slice(0, limits.fields).map(({ label, value }) => {
    const head = `*${label}*\n`;
    return markdown(head + clip(value, limits.field - head.length));
  });
  return [{ type: "section", fields }];
}

/** A button, unless there is no address that Slack would take. */
function linkBlock({ url }: Summary): SlackBlock[] {
  const target = url ? URL.parse(url) : null;
  if (!target || !/^https?:$/.test(target.protocol) || target.href.length > limits.url) return [];
  return [{ type: "actions", elements: [{ type: "button", text: plain("Open"), url: target.href }] }];
}

/** A time that Slack shows in the reader's own time zone. */
function slackDate(time: Date): string {
  const seconds = Math.floor(time.getTime() / 1000);
  return `<!date^${seconds}^{date_short_pretty} {time}|${formatUtc(time)}>`;
}

function plain(text: string): PlainText {
  return { type: "plain_text", text };
}

function markdown(text: string): Markdown {
  return { type: "mrkdwn", text, verbatim: true };
}

/**
 * Escapes the three characters that Slack reads as markup
 * (https://docs.slack.dev/messaging/formatting-message-text/#escaping) and cuts the
 * escaped text to `limit` UTF-16 units, never inside a character or an entity.
 */
function clip(text: string, limit: number): string {
  let fitting = "";
  let cut = 0;
  for (const character of text.toWellFormed()) {
    fitting += entities[character] ?? character;
    if (fitting.length <= limit - 1) cut = fitting.length;
    if (fitting.length > limit) return `${fitting.slice(0, cut)}…`;
  }
  return fitting;
}

const entities: Record<string, string> = { "&": "&amp;", "<": "&lt;", ">": "&gt;" };
