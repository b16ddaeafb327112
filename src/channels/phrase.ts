/**
 * A piece of a sentence: our own words, something that the event names and that each
 * channel may emphasise, or a moment that each channel tells in its own way.
 */
export type Part = string | { name: string } | Date;

export type Phrase = readonly Part[];

/** The phrase as plain text, its moments as `time` tells them. */
export function phraseText(phrase: Phrase, time: (moment: Date) => string): string {
  return phrase
    .map((part) => (typeof part === "string" ? part : part instanceof Date ? time(part) : part.name))
    .join("");
}
