import { Code, type ConnectError } from "@connectrpc/connect";
import { errorDetailOf } from "./errors.ts";

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

/** Whether the request as a whole is larger than the service, or a proxy before it, takes: smaller ones may pass. */
export function isTooLarge(error: ConnectError): boolean {
  // As the transports, Connect's and grpc-js's, tell of an answer that is not of their protocol.
  if (/^(HTTP|Received HTTP status code) 413$/.test(error.rawMessage)) return true;
  return error.code === Code.ResourceExhausted && retryAfterMs(error) === undefined;
}

function isWorthRetrying(error: ConnectError): boolean {
  if (isTooLarge(error)) return false;
  switch (error.code) {
    case Code.Unavailable:
    case Code.DeadlineExceeded:
    // The connection broke, as Connect's Node transport says it: nobody here cancelled.
    case Code.Aborted:
    case Code.Canceled:
    // Called too often: the service says when it will take the call.
    case Code.ResourceExhausted:
      return true;
    // Every error that the service itself answers with has its detail: without one, the
    // connection or something in between failed, such as an ingress that for the time
    // of a deploy knows neither the service nor the key.
    case Code.Internal:
    case Code.Unknown:
    case Code.Unimplemented:
    case Code.NotFound:
    case Code.Unauthenticated:
    case Code.PermissionDenied:
      return errorDetailOf(error) === undefined;
    default:
      return false;
  }
}

/** The service says it in seconds, to whoever calls too often; undefined of every other error. */
export function retryAfterMs({ metadata }: ConnectError): number | undefined {
  const text = metadata.get("retry-after");
  return text !== null && /^\d+$/.test(text) ? Number(text) * 1000 : undefined;
}
