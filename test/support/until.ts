import { setTimeout as sleep } from "node:timers/promises";
import { inspect } from "node:util";

export interface UntilOptions {
  /** Default 15,000. */
  timeoutMs?: number;
  /** Pause between two tries, in milliseconds; default 20. */
  intervalMs?: number;
}

/**
 * Calls `fn` until it returns something truthy without throwing, and returns
 * that. Throws after the time-out, telling the last value or error.
 */
export async function until<Value>(
  fn: () => Value | Promise<Value>,
  { timeoutMs = 15_000, intervalMs = 20 }: UntilOptions = {},
): Promise<NonNullable<Value>> {
  const deadline = performance.now() + timeoutMs;
  for (;;) {
    const outcome = await attempt(fn);
    if ("value" in outcome && outcome.value) return outcome.value;
    if (performance.now() > deadline) {
      const last = "value" in outcome ? `value ${inspect(outcome.value)}` : `error ${inspect(outcome.error)}`;
      throw new Error(`Not so within ${timeoutMs} ms: ${fn}\nThe last ${last}`);
    }
    await sleep(intervalMs);
  }
}

async function attempt<Value>(
  fn: () => Value | Promise<Value>,
): Promise<{ value: Value } | { error: unknown }> {
  try {
    return { value: await fn() };
  } catch (error) {
    return { error };
  }
}
