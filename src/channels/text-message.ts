import { phraseText } from "./phrase.ts";
import type { Summary } from "./summary.ts";

/** Draws a notice as plain text for mail readers, in the order in which a reader needs it. */
export function textMessage(summary: Summary, type: string): string {
  const { title, sentence, nextStep, quotes, facts, links, occurredAt, timeText, product } = summary;
  const paragraphs = [
    title,
    [phraseText(sentence, timeText), phraseText(nextStep, timeText)].filter(Boolean).join("\n"),
    // Every line of a quote is marked, so that none can pass for one of ours.
    ...quotes.map(({ label, text }) => `${label}:\n${text.replace(/^/gm, "> ")}`),
    links.map(({ label, url }) => `${label}: ${url}`).join("\n"),
    facts
      .map(({ label, value }) => `${label}: ${value instanceof Date ? timeText(value) : value}`)
      .join("\n"),
    footer(product, type, timeText(occurredAt)),
  ];
  return paragraphs.filter(Boolean).join("\n\n");
}

/** Who sends this, about what, and when it happened. */
export function footer(product: string, type: string, time: string): string {
  return `${product} · ${type} · ${time}`;
}
