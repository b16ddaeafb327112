import { Code, type ConnectError } from "@connectrpc/connect";

/** How long to go on with what is worth another try. */
export interface PublishRetryOptions {
  /** Wait before the second try, in milliseconds; it doubles from there, with jitter. Default 200. */
  baseMs?: number;
  /** Longest wait between two tries, in milliseconds, Retry-After aside. Default 30,000. */
  maxMs?: number;
  /** Age at which an event is given up, in milliseconds since it was published. Default: never. */
  giveUpAfterMs?: number;
}

/** Milliseconds to wait before the next try; undefined when another try would fail in the same way. */
export function retryDelayMs(
  error: ConnectError,
  attempt: number,
  { baseMs = 200, maxMs = 30_000 }: PublishRetryOptions,
): number | undefined {
  if (!isWorthRetrying(error)) return undefined;
  const backoffMs = Math.min(maxMs, baseMs * 2 ** (attempt - 1)) * (0.5 + Math.random() / 2);
  return Math.max(backoffMs, retryAfterMs(error) ?? 0);
}

/** Whether the request as a whole is larger than the service takes: smaller ones may pass. */
export function isTooLarge(error: ConnectError): boolean {
  return error.code === Code.ResourceExhausted && retryAfterMs(error) === undefined;
}

function isWorthRetrying(error: ConnectError): boolean {
  switch (error.code) {
    case Code.Unavailable:
    case Code.DeadlineExceeded:
    // The connection broke, as Connect's Node transport says it: nobody here cancelled.
    case Code.Aborted:
    case Code.Canceled:
      return true;
    case Code.ResourceExhausted:
      return !isTooLarge(error);
    // Every error that the service itself answers with has a detail: without one, the
    // connection or something in between failed.
    case Code.Internal:
    case Code.Unknown:
      return error.details.length === 0;
    default:
      return false;
  }
}

/** The service says it in seconds, to whoever calls too often. */
function retryAfterMs({ metadata }: ConnectError): number | undefined {
  const text = metadata.get("retry-after");
  return text !== null && /^\d+$/.test(text) ? Number(text) * 1000 : undefined;
}
