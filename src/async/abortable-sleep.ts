/** Milliseconds, almost 25 days: timers take longer ones, Infinity too, for a single millisecond. */
export const longestTimerMs = 2 ** 31 - 1;

/**
 * Resolves after `ms`, which may be Infinity, or as soon as `signal` aborts. (Node's own
 * is not in browsers.)
 */
export function abortableSleep(ms: number, signal: AbortSignal): Promise<void> {
  return new Promise((resolve) => {
    if (signal.aborted) return resolve();
    const wake = () => {
      clearTimeout(timer);
      signal.removeEventListener("abort", wake);
      resolve();
    };
    const timer = ms <= longestTimerMs ? setTimeout(wake, ms) : undefined;
    signal.addEventListener("abort", wake);
  });
}
