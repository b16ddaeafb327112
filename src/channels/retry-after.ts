/**
 * The wait that a Retry-After header asks for, in milliseconds from `now`: a number
 * of seconds or an HTTP-date in any of its three forms (RFC 9110, 5.6.7 and 10.2.3).
 * A date that has passed means 0; anything else is ignored.
 */
export function parseRetryAfter(header: string | string[] | undefined, now: number): number | undefined {
  if (typeof header !== "string") return undefined;
  if (/^\d+$/.test(header)) return Math.min(Number(header) * 1000, Number.MAX_SAFE_INTEGER);
  const date = httpDate.test(header)
    ? Date.parse(header)
    : Date.parse(asctime.test(header) ? `${header} GMT` : "");
  return Number.isNaN(date) ? undefined : Math.max(0, date - now);
}

/** "Sun, 06 Nov 1994 08:49:37 GMT", or "Sunday, 06-Nov-94 08:49:37 GMT" of old. */
const httpDate = /^[A-Z][a-z]+, \d\d[ -][A-Z][a-z]{2}[ -]\d{2,4} \d\d:\d\d:\d\d GMT$/;
/** "Sun Nov  6 08:49:37 1994", which means UTC without saying so. */
const asctime = /^[A-Z][a-z]{2} [A-Z][a-z]{2} [ \d]\d \d\d:\d\d:\d\d \d{4}$/;
