import { longestTimerMs } from "../async/abortable-sleep.ts";

/** A call's limit as the transports know it, where 0 says that there is none. */
export function callLimitMs(timeoutMs: number): number {
  return timeoutMs > longestTimerMs ? 0 : timeoutMs;
}
