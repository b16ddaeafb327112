/** How much of a response the delivery log keeps, in UTF-16 units. */
const maxLength = 256;

/** A shorter text is no secret, and replacing it would garble the response. */
const minSecretLength = 4;

/** From this length on, a part of a URL or of a header value is taken for a secret of its own. */
const minPartLength = 8;

/**
 * So many parts of one URL or header value are looked for, the longest ones. Nobody needs
 * more, and looking for thousands in each answer would hold up everybody's notices.
 */
const maxParts = 20;

/**
 * The beginning of a response body for the delivery log: on one line, without
 * control characters, and with "[redacted]" for every secret that the endpoint
 * echoes. `secrets` is asked only when the body is long enough to hold one.
 */
export function excerpt(body: string, secrets: () => string[]): string {
  const known = body.length < minSecretLength ? new Map() : byBeginning(secrets());
  let text = "";
  let position = 0;
  // Counted in the body, so that what is cut off never leaves half a secret behind.
  for (let at = 0; at < Math.min(body.length, maxLength); at++) {
    const secret = longestAt(known, body, at);
    if (secret === undefined) continue;
    text += `${body.slice(position, at)}[redacted]`;
    position = at + secret.length;
    at = position - 1;
  }
  text += body.slice(position, Math.max(position, maxLength));
  return text
    .replace(/[\s\p{C}]+/gu, " ")
    .trim()
    .slice(0, maxLength)
    .replace(/[\ud800-\udbff]$/, "");
}

/** What could give a URL away: the whole, its path, and the longer parts of path and query, as they are and decoded. */
export function urlSecrets(url: string): string[] {
  const target = URL.parse(url);
  if (!target) return [url];
  const path = target.pathname + target.search;
  return [url, path, target.pathname, ...longParts(path.split(/[/?&=]/))].flatMap((part) => [
    part,
    decoded(part),
  ]);
}

/** What could give a header value away: the whole, its longer words ("Bearer <token>"), and what a Basic one holds. */
export function headerSecrets(value: string): string[] {
  const [, basic] = /^basic +(\S+)$/i.exec(value) ?? [];
  const pair = basic === undefined ? "" : Buffer.from(basic, "base64").toString();
  return [value, ...longParts(value.split(/[\s,;=]+/)), pair, pair.slice(pair.indexOf(":") + 1)];
}

function longParts(parts: string[]): string[] {
  return parts
    .filter((part) => part.length >= minPartLength)
    .sort((a, b) => b.length - a.length)
    .slice(0, maxParts);
}

/** Percent-encoding undone; the text itself where it is none. */
function decoded(text: string): string {
  try {
    return decodeURIComponent(text);
  } catch (error) {
    if (error instanceof URIError) return text;
    throw error;
  }
}

/** The texts, plain and as inside a JSON string, by their first characters; the longest first. */
function byBeginning(secrets: string[]): Map<string, string[]> {
  const texts = secrets
    .filter((secret) => secret.length >= minSecretLength)
    .flatMap((secret) => [secret, JSON.stringify(secret).slice(1, -1)]);
  return Map.groupBy(
    [...new Set(texts)].sort((a, b) => b.length - a.length),
    (text) => text.slice(0, minSecretLength),
  );
}

function longestAt(known: Map<string, string[]>, body: string, at: number): string | undefined {
  return known.get(body.slice(at, at + minSecretLength))?.find((secret) => body.startsWith(secret, at));
}
