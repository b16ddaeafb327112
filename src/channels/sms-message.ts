import { phraseText } from "./phrase.ts";
import { truncate } from "./plain-text.ts";
import { spelled } from "./spelling.ts";
import type { Summary } from "./summary.ts";
import { utcText } from "./time-text.ts";

/** What text messages hold: one, and two that are joined (3GPP TS 23.040). */
interface Room {
  one: number;
  two: number;
  /** How much of two messages a link may take. */
  link: number;
}

/** In characters of the GSM 7-bit alphabet. */
const gsmRoom: Room = { one: 160, two: 306, link: 200 };

/** In UTF-16 units, for all other texts. */
const unicodeRoom: Room = { one: 70, two: 134, link: 90 };

/** The characters that take one place in that alphabet (3GPP TS 23.038), but for line breaks. */
const gsm = /^[ !"#%&'()*+,\-./0-9:;<=>?@A-Z_a-z£$¥èéùìòÇØøÅåΔΦΓΛΩΠΨΣΘΞÆæßÉ¤¡ÄÖÑÜ§¿äöñüà]$/u;

/**
 * Draws a notice for telephones: one text message, or two where the link needs the
 * room, of characters that take one place each. A link that is too long is left out.
 * Where letters would be lost, such as those of a name, all are sent as they are, and fewer.
 */
export function smsMessage({ product, title, sentence, links: [link] }: Summary): string {
  const text = `${product}: ${title}. ${phraseText(sentence, utcText)}`;
  const url = link?.url.replaceAll("~", "%7E");
  const plain = gsmText(text);
  return plain === undefined
    ? withLink(text, url, unicodeRoom, truncate)
    : withLink(plain, url, gsmRoom, truncateAscii);
}

/** Undefined when letters would be lost; other signs become "?". */
function gsmText(text: string): string | undefined {
  const characters = [...text.normalize("NFC")];
  const forms = spelled(text, gsm);
  const loses = forms.some((form, index) => form === undefined && letter.test(characters[index] ?? ""));
  return loses ? undefined : forms.map((form) => form ?? "?").join("");
}

const letter = /[\p{L}\p{N}\p{Emoji_Presentation}]/u;

function withLink(text: string, url: string | undefined, room: Room, cut: typeof truncate): string {
  if (!url || url.length > room.link) return cut(text, room.one);
  const max = text.length + 1 + url.length <= room.one ? room.one : room.two;
  return `${cut(text, max - 1 - url.length)} ${url}`;
}

/** The text in at most `max` characters, with dots where it was cut. */
export function truncateAscii(text: string, max: number): string {
  return text.length <= max ? text : `${text.slice(0, max - 3)}...`;
}
