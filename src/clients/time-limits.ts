/** Milliseconds, almost 25 days: timers take longer ones, Infinity too, for a single millisecond. */
export const longestTimerMs = 2 ** 31 - 1;

/** A call's limit as the transports know it, where 0 says that there is none. */
export function callLimitMs(timeoutMs: number): number {
  return timeoutMs > longestTimerMs ? 0 : timeoutMs;
}
