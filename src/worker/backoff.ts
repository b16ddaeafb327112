export interface BackoffOptions {
  /** Wait before the second attempt, before jitter. */
  baseMs: number;
  /** Cap of the wait, jitter included. */
  maxMs: number;
  /** Cap of what an endpoint may ask for by Retry-After. */
  retryAfterMaxMs: number;
}

/** The wait grows by this factor from attempt to attempt. */
const factor = 4;

/**
 * How long to wait after the given attempt (1, 2, ...) in milliseconds: exponential,
 * with a jitter of ±25 % so that notices that failed together do not come back
 * together. An endpoint that asks for more time gets it, up to the cap.
 */
export function backoffMs(
  attempt: number,
  retryAfterMs: number | undefined,
  options: BackoffOptions,
): number {
  const exponential = options.baseMs * factor ** (attempt - 1);
  const jittered = Math.min(options.maxMs, exponential * (0.75 + Math.random() / 2));
  return Math.round(Math.max(jittered, Math.min(retryAfterMs ?? 0, options.retryAfterMaxMs)));
}
