import type { Logger } from "pino";
import { repeat } from "../async/repeat.ts";

export interface KeyUsage {
  /** Notes that a key is in use. Takes no time. */
  used(keyId: string): void;
  /** Writes what was noted. */
  close(): Promise<void>;
}

export interface KeyUsageOptions {
  /** Stores when keys were used last. */
  write(keyIds: string[], at: Date): Promise<void>;
  log: Logger;
}

/** The time of last use is exact to this, in milliseconds. */
const precisionMs = 60_000;
/** So often what was noted is written. */
const gatherMs = 2_000;
const maxRemembered = 100_000;

/** Keeps account of when keys are used, with one write a minute and key at the most. */
export function createKeyUsage({ write, log }: KeyUsageOptions): KeyUsage {
  const notedAt = new Map<string, number>();
  let pending = new Set<string>();
  const writing = repeat(gatherMs, flush, () => undefined);

  async function flush(): Promise<void> {
    if (pending.size === 0) return;
    const keyIds = [...pending];
    pending = new Set();
    try {
      await write(keyIds, new Date());
    } catch (error) {
      log.warn({ err: (error as Error).message }, "could not store when keys were used last");
      // The next use notes them again.
      for (const keyId of keyIds) notedAt.delete(keyId);
    }
  }

  return {
    used(keyId) {
      const now = performance.now();
      const last = notedAt.get(keyId);
      if (last !== undefined && now - last < precisionMs) return;
      if (notedAt.size >= maxRemembered) notedAt.clear();
      notedAt.set(keyId, now);
      pending.add(keyId);
    },
    async close() {
      await writing.close();
      await flush();
    },
  };
}
