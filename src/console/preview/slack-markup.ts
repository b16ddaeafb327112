/** A piece of Slack's mrkdwn, as far as our own messages use it. */
export type SlackToken =
  | { kind: "text"; text: string }
  | { kind: "bold"; text: string }
  | { kind: "mention"; text: string }
  /** A moment, in seconds since 1970. */
  | { kind: "date"; seconds: number }
  | { kind: "break" };

/** A paragraph or a quotation. */
export interface SlackBlockText {
  quote: boolean;
  tokens: SlackToken[];
}

const inline = /<!date\^(\d+)\^[^|]*\|[^>]*>|<!(here|channel)>|<!subteam\^(\w+)>|\*([^*\n]+)\*|\n/g;

/** Takes mrkdwn apart. What it does not know stays text. */
export function slackTexts(mrkdwn: string): SlackBlockText[] {
  const runs: { quote: boolean; lines: string[] }[] = [];
  for (const line of mrkdwn.split("\n")) {
    const quote = line.startsWith(">");
    const last = runs.at(-1);
    if (last?.quote === quote) last.lines.push(quote ? line.slice(1) : line);
    else runs.push({ quote, lines: [quote ? line.slice(1) : line] });
  }
  return runs.map(({ quote, lines }) => ({ quote, tokens: tokensOf(lines.join("\n")) }));
}

function tokensOf(text: string): SlackToken[] {
  const tokens: SlackToken[] = [];
  let end = 0;
  for (const match of text.matchAll(inline)) {
    const [all, seconds, everybody, group, bold] = match;
    if (match.index > end) tokens.push({ kind: "text", text: withoutEntities(text.slice(end, match.index)) });
    end = match.index + all.length;
    if (seconds !== undefined) tokens.push({ kind: "date", seconds: Number(seconds) });
    else if (everybody ?? group) tokens.push({ kind: "mention", text: `@${everybody ?? group}` });
    else if (bold !== undefined) tokens.push({ kind: "bold", text: withoutEntities(bold) });
    else tokens.push({ kind: "break" });
  }
  if (end < text.length) tokens.push({ kind: "text", text: withoutEntities(text.slice(end)) });
  return tokens;
}

/** https://docs.slack.dev/messaging/formatting-message-text/#escaping */
function withoutEntities(text: string): string {
  return text.replaceAll("&lt;", "<").replaceAll("&gt;", ">").replaceAll("&amp;", "&");
}
