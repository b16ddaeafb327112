import { phraseText } from "./phrase.ts";
import type { Summary } from "./summary.ts";
import { utcText } from "./time-text.ts";

/** One message and two that are joined, in characters of the GSM 7-bit alphabet (3GPP TS 23.038 and 23.040). */
const oneMessage = 160;
const twoMessages = 306;

/** How much of two messages a link may take. */
const maxLinkLength = 200;

/**
 * Draws a notice for telephones: one text message, or two where the link needs the
 * room, of characters that take one place each. A link that is too long is left out.
 */
export function smsMessage({ product, title, sentence, links: [link] }: Summary): string {
  const text = plainGsm(`${product}: ${title}. ${phraseText(sentence, utcText)}`);
  const url = link?.url.replaceAll("~", "%7E");
  if (!url || url.length > maxLinkLength) return cut(text, oneMessage);
  const room = text.length + 1 + url.length <= oneMessage ? oneMessage : twoMessages;
  return `${cut(text, room - 1 - url.length)} ${url}`;
}

/** Accents go, and whatever else has no ASCII form becomes "?". */
export function toAscii(text: string): string {
  return text
    .normalize("NFKD")
    .replace(/\p{M}/gu, "")
    .replace(/[^ -~]/gu, "?");
}

/** The ASCII characters that take two places, or that the alphabet lacks, as ones that take one. */
function plainGsm(text: string): string {
  return toAscii(text)
    .replace(/[[{]/g, "(")
    .replace(/[\]}]/g, ")")
    .replace(/[\\|]/g, "/")
    .replace(/[\^~`]/g, "'");
}

function cut(text: string, max: number): string {
  return text.length <= max ? text : `${text.slice(0, max - 3)}...`;
}
