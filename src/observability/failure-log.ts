import type { Level, Logger } from "pino";

/** So often, in milliseconds, one failure is told while it goes on. */
const everyMs = 10_000;

/** Failures beyond so many are forgotten, and told anew. */
const maxKnown = 1_000;

/**
 * Logs a failure, with `times`: for how many, since the last line, this one stands. `fields.error`
 * takes the place of the error's message.
 */
export type FailureLog = (level: Level, fields: object, error: unknown, msg: string) => void;

/**
 * For what is tried again and again: the same failure for the same reason is told when it begins
 * and then every 10 seconds. A database that is away is one occurrence, however many deliveries
 * find it so, and must not fill the disk with lines.
 */
export function createFailureLog(log: Logger): FailureLog {
  const known = new Map<string, { toldAt: number; untold: number }>();

  return (level, fields, error, msg) => {
    // Of several addresses that were all tried in vain, the error has no text.
    const { message: text, code } = error as NodeJS.ErrnoException;
    const message = text || code;
    const key = `${msg} ${message}`;
    const before = known.get(key);
    if (before && performance.now() - before.toldAt < everyMs) {
      before.untold++;
      return;
    }
    if (known.size >= maxKnown) known.clear();
    known.set(key, { toldAt: performance.now(), untold: 0 });
    log[level]({ err: message, ...fields, times: 1 + (before?.untold ?? 0) }, msg);
  };
}
