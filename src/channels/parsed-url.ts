const maxKept = 1_000;
const kept = new Map<string, URL | null>();

/** `URL.parse` for the URLs of channels, of which a process uses a few over and over. Not to be changed. */
export function parseUrl(text: string): Readonly<URL> | null {
  let url = kept.get(text);
  if (url === undefined) {
    if (kept.size >= maxKept) kept.clear();
    url = URL.parse(text);
    kept.set(text, url);
  }
  return url;
}
