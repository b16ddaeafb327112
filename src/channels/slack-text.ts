import type { Phrase } from "./phrase.ts";
import { utcText } from "./time-text.ts";

/**
 * A phrase in Slack's mrkdwn: names bold, moments in the reader's own time zone.
 * No name can mention somebody, make a link, or end the bold type that it stands in.
 */
export function slackPhrase(phrase: Phrase): string {
  return phrase
    .map((part) => {
      if (typeof part === "string") return slackText(part);
      if (part instanceof Date) return slackDate(part);
      return `*${slackText(part.name)}*`;
    })
    .join("");
}

/**
 * A moment that Slack shows in the reader's own time zone; the text after the bar is
 * for what cannot (https://docs.slack.dev/messaging/formatting-message-text/#date-formatting).
 */
export function slackDate(moment: Date): string {
  const seconds = Math.floor(moment.getTime() / 1000);
  // Slack counts from 1970.
  if (seconds < 0) return utcText(moment);
  return `<!date^${seconds}^{date_short_pretty} at {time}|${utcText(moment)}>`;
}

/** A text with every line marked as a quote, so that none passes for one of ours; cut like slackText. */
export function slackQuote(text: string, limit: number): string {
  return clip(`\n${withoutFormatting(text)}`, limit + 1, { ...entities, "\n": "\n>" }).slice(1);
}

/**
 * The text with nothing that Slack reads as markup: the three characters that have an
 * escape are escaped (https://docs.slack.dev/messaging/formatting-message-text/#escaping).
 * Cut to `limit` UTF-16 units, never inside a character or an entity.
 */
export function slackText(text: string, limit = Number.POSITIVE_INFINITY): string {
  return clip(withoutFormatting(text), limit, entities);
}

const entities: Partial<Record<string, string>> = { "&": "&amp;", "<": "&lt;", ">": "&gt;" };

function clip(text: string, limit: number, replacements: typeof entities): string {
  let fitting = "";
  let cut = 0;
  for (const character of text) {
    fitting += replacements[character] ?? character;
    if (fitting.length <= limit - 1) cut = fitting.length;
    if (fitting.length > limit) return `${fitting.slice(0, cut)}…`;
  }
  return fitting;
}

/**
 * Slack has no escape for the characters of bold, strike, code and italics, so signs that
 * look alike stand for them. Within a word "_" is none of these and stays, since ids that
 * have it are copied.
 */
function withoutFormatting(text: string): string {
  return text
    .replace(/[*~`]/g, (character) => lookalikes[character] ?? character)
    .replace(/(?<![\p{L}\p{N}_])_+|_+(?![\p{L}\p{N}_])/gu, (marks) => "ˍ".repeat(marks.length));
}

const lookalikes: Record<string, string> = { "*": "∗", "~": "∼", "`": "ˋ" };
