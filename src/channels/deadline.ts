/** Why an attempt was ended from outside: "timed out after 5000 ms" or "aborted". */
export class AttemptEnded extends Error {}

/**
 * Runs one attempt that ends in time. `run` gets a signal that aborts after `timeoutMs` or
 * with `signal`, and should hand it to whatever it waits for; when it does not react, the
 * attempt is left behind. Rejects with what `run` rejects with, or with AttemptEnded.
 */
export async function withDeadline<T>(
  timeoutMs: number,
  signal: AbortSignal,
  run: (ended: AbortSignal) => Promise<T>,
): Promise<T> {
  const controller = new AbortController();
  const ended = controller.signal;
  // Before `run` adds its own listener, so that our reason wins over the library's.
  const stopped = new Promise<never>((_, reject) => {
    ended.addEventListener("abort", () => reject(ended.reason), { once: true });
  });
  const onTimeout = () => controller.abort(new AttemptEnded(`timed out after ${timeoutMs} ms`));
  const onAbort = () => controller.abort(new AttemptEnded("aborted"));

  const timer = setTimeout(onTimeout, timeoutMs);
  signal.addEventListener("abort", onAbort, { once: true });
  try {
    if (signal.aborted) onAbort();
    return await Promise.race([stopped, ended.aborted ? stopped : run(ended)]);
  } finally {
    clearTimeout(timer);
    signal.removeEventListener("abort", onAbort);
  }
}
