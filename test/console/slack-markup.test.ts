import fc from "fast-check";
import { expect, test } from "vitest";
import { slackPhrase, slackQuote, slackText } from "../../src/channels/slack-text.ts";
import { slackTexts } from "../../src/console/preview/slack-markup.ts";

/** What the preview shows, without its looks. */
function shown(mrkdwn: string): string {
  return slackTexts(mrkdwn)
    .map(({ tokens }) => tokens.map((token) => ("text" in token ? token.text : "\n")).join(""))
    .join("\n");
}

/** Signs that Slack would take for formatting are sent as others that look alike. */
function lookalikes(text: string): string {
  return text
    .replaceAll("*", "∗")
    .replaceAll("~", "∼")
    .replaceAll("`", "ˋ")
    .replace(/(?<![\p{L}\p{N}_])_+|_+(?![\p{L}\p{N}_])/gu, (marks) => "ˍ".repeat(marks.length));
}

test("a quoted text is shown as it was sent, as a quotation and nothing else", () => {
  fc.assert(
    fc.property(fc.string({ unit: "grapheme" }), (text) => {
      const quoted = slackQuote(text, 100_000);
      expect(shown(quoted)).toBe(lookalikes(text));
      expect(slackTexts(quoted).every(({ quote }) => quote)).toBe(true);
      const kinds = slackTexts(quoted).flatMap(({ tokens }) => tokens.map(({ kind }) => kind));
      expect(kinds.filter((kind) => kind !== "text" && kind !== "break")).toEqual([]);
    }),
  );
});

test("a name is shown bold, whatever is in it", () => {
  const names = fc.string({ unit: "grapheme", minLength: 1 }).filter((name) => !name.includes("\n"));
  fc.assert(
    fc.property(names, (name) => {
      const [{ tokens } = { tokens: [] }] = slackTexts(slackPhrase([{ name }]));
      expect(tokens).toEqual([{ kind: "bold", text: lookalikes(name) }]);
    }),
  );
});

test("moments, mentions and bold type are told from text", () => {
  expect(slackTexts("<!here> *Ada* until <!date^60^{date}|then>.\n>why\n>not")).toEqual([
    {
      quote: false,
      tokens: [
        { kind: "mention", text: "@here" },
        { kind: "text", text: " " },
        { kind: "bold", text: "Ada" },
        { kind: "text", text: " until " },
        { kind: "date", seconds: 60 },
        { kind: "text", text: "." },
      ],
    },
    {
      quote: true,
      tokens: [{ kind: "text", text: "why" }, { kind: "break" }, { kind: "text", text: "not" }],
    },
  ]);
  expect(shown(slackText("<!channel> &lt;"))).toBe("<!channel> &lt;");
});
