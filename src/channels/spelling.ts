/**
 * Each character of a text as an alphabet can write it: itself, without its accent, or as
 * people spell it; undefined where it cannot.
 */
export function spelled(text: string, alphabet: RegExp): (string | undefined)[] {
  return Array.from(text.normalize("NFC"), (character) => {
    if (alphabet.test(character)) return character;
    const parts = [...character.normalize("NFKD").replace(/[\p{M}\p{Cf}]/gu, "")].map((part) =>
      alphabet.test(part) ? part : spellings.get(part),
    );
    return parts.includes(undefined) ? undefined : parts.join("");
  });
}

/** Spellings, and the characters that have them and that Unicode does not take apart. */
const characters = {
  ...{ "'": "‘’‚‛‹›′ʼ^~`", '"': "“”„‟«»", "-": "‐‒–—―−", ".": "·", "*": "•", x: "×" },
  ...{ "(": "[{", ")": "]}", "/": "⁄\\|", EUR: "€", GBP: "£", JPY: "¥", "?": "¿", "!": "¡" },
  ...{ l: "ł", L: "Ł", d: "đð", D: "ĐÐ", th: "þ", Th: "Þ", i: "ı", h: "ħ", H: "Ħ", t: "ŧ", T: "Ŧ" },
  ...{ o: "ø", O: "Ø", ae: "æ", AE: "Æ", oe: "œ", OE: "Œ", ss: "ß", SS: "ẞ", ng: "ŋ", Ng: "Ŋ" },
};

const spellings = new Map(
  Object.entries(characters).flatMap(([spelling, all]) =>
    [...all].map((character) => [character, spelling] as const),
  ),
);
