/** How much of a response the delivery log keeps, in UTF-16 units. */
const maxLength = 256;

/** A shorter text is no secret, and replacing it would garble the response. */
const minSecretLength = 4;

/** From this length on, a part of a URL or of a header value is taken for a secret of its own. */
const minPartLength = 8;

/**
 * The beginning of a response body for the delivery log: on one line, without
 * control characters, and with "[redacted]" for every secret that the endpoint
 * echoes. `secrets` is asked only when the body is long enough to hold one.
 */
export function excerpt(body: string, secrets: () => string[]): string {
  const secret = anyOf(body.length < minSecretLength ? [] : secrets());
  let text = "";
  let position = 0;
  for (const match of body.matchAll(secret)) {
    // Counted in the body, so that what is cut off never leaves half a secret behind.
    if (match.index >= maxLength) break;
    text += `${body.slice(position, match.index)}[redacted]`;
    position = match.index + match[0].length;
  }
  text += body.slice(position, Math.max(position, maxLength));
  return text
    .replace(/[\s\p{C}]+/gu, " ")
    .trim()
    .slice(0, maxLength)
    .replace(/[\ud800-\udbff]$/, "");
}

/** What could give a URL away: the whole, its path, and the longer parts of path and query. */
export function urlSecrets(url: string): string[] {
  const target = URL.parse(url);
  if (!target) return [url];
  const path = target.pathname + target.search;
  return [url, path, target.pathname, ...path.split(/[/?&=]/).filter(isLongPart)];
}

/** What could give a header value away: the whole, and its longer words ("Bearer <token>"). */
export function headerSecrets(value: string): string[] {
  return [value, ...value.split(/[\s,;=]+/).filter(isLongPart)];
}

const isLongPart = (part: string) => part.length >= minPartLength;

/** Matches each of the texts, plain or as inside a JSON string; the longest first. */
function anyOf(secrets: string[]): RegExp {
  const texts = secrets
    .filter((secret) => secret.length >= minSecretLength)
    .flatMap((secret) => [secret, JSON.stringify(secret).slice(1, -1)])
    .sort((a, b) => b.length - a.length);
  return texts.length === 0 ? /(?!)/g : new RegExp(texts.map(escapeRegExp).join("|"), "g");
}

const escapeRegExp = (text: string) => text.replace(/[\\^$.*+?()[\]{}|/-]/g, "\\$&");
