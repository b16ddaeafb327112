import type { ChannelConfigs, Notice } from "./channel.ts";
import type { Fact } from "./facts.ts";
import { phraseText } from "./phrase.ts";
import { accents } from "./severity.ts";
import { slackDate, slackPhrase, slackQuote, slackText } from "./slack-text.ts";
import { type Summary, summarize } from "./summary.ts";
import { utcText } from "./time-text.ts";
import type { Urge } from "./wordings.ts";

/** Body of a post to a Slack incoming webhook. */
export interface SlackMessage {
  /** What notifications show and screen readers say. */
  text: string;
  /** What must be seen at once: what happened, who, why, and where to act. */
  blocks: SlackBlock[];
  /** The details, beside a bar in the severity's colour. Slack may fold attachments, never blocks. */
  attachments: [{ color: string; fallback: string; blocks: SlackBlock[] }];
  /** Slack fetches no link that an event happens to contain. */
  unfurl_links: false;
  unfurl_media: false;
}

export type SlackBlock =
  | { type: "header"; text: PlainText }
  | { type: "section"; text: Markdown }
  | { type: "section"; fields: Markdown[] }
  | { type: "context"; elements: Markdown[] }
  | { type: "actions"; elements: Button[] };

interface Button {
  type: "button";
  text: PlainText;
  url: string;
  style?: Urge;
}

interface PlainText {
  type: "plain_text";
  text: string;
  emoji: true;
}

interface Markdown {
  type: "mrkdwn";
  text: string;
  /** Keeps Slack from making links of names, channels and URLs in the text. */
  verbatim: true;
}

/**
 * Slack's limits, in characters (https://docs.slack.dev/reference/block-kit/blocks/),
 * but for `text`, where it shows no more anyway, and `quote`: longer ones fill a phone.
 */
const limits = { text: 3000, quote: 700, fields: 10, field: 2000, url: 3000 };

/** Draws a notice with Block Kit, as it is to be told at `now`. No text of the event can mention, link or exceed a limit. */
export function slackMessage(
  config: ChannelConfigs["slack_webhook"],
  notice: Notice,
  now: Date,
): SlackMessage {
  const { type } = notice.event;
  const summary = summarize(notice, now);
  const { icon, title, severity, sentence, occurredAt } = summary;
  // A test wakes nobody up.
  const mention = type === "request.break_glass" && !notice.test ? mentionOf(config.break_glass_mention) : "";
  return {
    text: slackText(`${icon} ${title}: ${phraseText(sentence, utcText)}`, limits.text),
    blocks: [
      { type: "header", text: plain(`${icon} ${title}`) },
      { type: "section", text: markdown(opening(summary, mention)) },
      ...quoteBlocks(summary),
      ...actionBlocks(summary),
    ],
    attachments: [
      {
        color: accents[severity],
        fallback: title,
        blocks: [
          ...factBlocks(summary.facts),
          {
            type: "context",
            elements: [markdown(`${slackDate(occurredAt)} · ${type} · ${slackText(summary.product)}`)],
          },
        ],
      },
    ],
    unfurl_links: false,
    unfurl_media: false,
  };
}

/** The sentence and what to do now; the phrases' own bounds keep them far below the limit. */
function opening({ sentence, nextStep }: Summary, mention: string): string {
  const lines = [slackPhrase(sentence), slackPhrase(nextStep)].filter(Boolean);
  return `${mention}${lines.join("\n")}`;
}

/** https://docs.slack.dev/messaging/formatting-message-text/#mentioning-groups and #special-mentions */
function mentionOf(who: string | undefined): string {
  if (!who) return "";
  return who === "here" || who === "channel" ? `<!${who}> ` : `<!subteam^${who}> `;
}

function quoteBlocks({ quotes }: Summary): SlackBlock[] {
  return quotes.map(({ label, text }) => ({
    type: "section",
    text: markdown(`*${label}*\n${slackQuote(text, limits.quote)}`),
  }));
}

/** One button a link, without those whose address Slack would refuse. */
function actionBlocks({ links, urge }: Summary): SlackBlock[] {
  const [first, ...others] = links.filter(({ url }) => url.length <= limits.url);
  if (!first) return [];
  const elements: Button[] = [
    { type: "button", text: plain(first.label), url: first.url, ...(urge && { style: urge }) },
    ...others.map(({ label, url }): Button => ({ type: "button", text: plain(label), url })),
  ];
  return [{ type: "actions", elements }];
}

/** Nothing when there are no facts, since Slack refuses a section without fields. */
function factBlocks(facts: Fact[]): SlackBlock[] {
  if (facts.length === 0) return [];
  const fields = facts.slice(0, limits.fields).map(({ label, value }) => {
    const head = `*${label}*\n`;
    const text = value instanceof Date ? slackDate(value) : slackText(value, limits.field - head.length);
    return markdown(head + text);
  });
  return [{ type: "section", fields }];
}

function plain(text: string): PlainText {
  return { type: "plain_text", text, emoji: true };
}

function markdown(text: string): Markdown {
  return { type: "mrkdwn", text, verbatim: true };
}
