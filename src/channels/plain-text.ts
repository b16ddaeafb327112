/** Seconds for people: "8 h", "1 h 30 min", "2 d"; nothing for zero or none. */
export function duration(seconds = 0): string {
  const parts = [
    [Math.floor(seconds / 86_400), "d"],
    [Math.floor(seconds / 3600) % 24, "h"],
    [Math.floor(seconds / 60) % 60, "min"],
    [Math.floor(seconds) % 60, "s"],
  ] as const;
  return parts
    .filter(([count]) => count > 0)
    .map(([count, unit]) => `${count} ${unit}`)
    .join(" ");
}

/**
 * The text on one line, in at most `max` characters. What cannot be seen goes, and
 * so do characters that turn the direction of text or pile up over a letter: a name
 * that holds them could make the line read as something else.
 */
export function oneLine(text = "", max = Number.POSITIVE_INFINITY): string {
  // Most texts need no cleaning, and finding that out costs a fraction of it.
  const clean = plainWords.test(text) ? text : visible(text).replace(/\s+/gu, " ").trim();
  return truncate(clean, max);
}

/** Printable ASCII with single spaces between the words. */
const plainWords = /^(?:[!-~]+(?: [!-~]+)*)?$/;

/** Several lines, cleaned likewise, with at most one empty line in a row. */
export function paragraphs(text: string | undefined, max: { length: number; lines: number }): string {
  const lines = (text ?? "").replace(/\r\n?|[\u2028\u2029\u0085]/g, "\n").split("\n");
  const cleaned = lines.map((line) => visible(line).trimEnd()).join("\n");
  const kept = cleaned
    .replace(/\n{3,}/g, "\n\n")
    .trim()
    .split("\n");
  const short = kept.slice(0, max.lines).join("\n");
  return truncate(kept.length > max.lines ? `${short}\n…` : short, max.length);
}

/** The text in at most `max` UTF-16 code units, with an ellipsis where it was cut; no pair is split. */
export function truncate(text: string, max: number): string {
  return text.length <= max ? text : `${text.slice(0, max - 1).replace(/[\ud800-\udbff]$/, "")}…`;
}

function visible(text: string): string {
  const shown = text
    .toWellFormed()
    // The empty pattern of Braille is a space to the eye.
    .replace(/[\t\u2800\p{Cc}]+/gu, " ")
    .replace(unseen, "")
    .replace(/(\p{M}{3})\p{M}+/gu, "$1");
  return blank.test(shown) ? "" : shown;
}

/**
 * Marks of direction, fillers, soft hyphens, zero-width characters, and tags that nobody sees;
 * but not what joins letters and picks the form of emoji.
 */
const unseen = /[[\p{Default_Ignorable_Code_Point}\u2028\u2029\ufff9-\ufffb]--[\u200c\u200d\ufe0e\ufe0f]]/gv;

/** Nothing but spaces, and what shows only beside something else. */
const blank = /^[\s\p{M}\u200c\u200d]*$/u;
