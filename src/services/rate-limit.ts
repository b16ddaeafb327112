import type { Logger } from "pino";

/** What calls of one key have cost since the last report. */
export interface Spending {
  keyId: string;
  perSecond: number;
  calls: number;
}

/** The account of all processes together. */
export interface SharedAccount {
  /**
   * Books calls that were made already. Answers for each key how many calls are left,
   * which is negative when the account is overdrawn.
   */
  spend(spendings: Spending[]): Promise<number[]>;
  close(): Promise<void>;
}

export interface RateLimiter {
  /**
   * Counts a call of a key that may make `perSecond` calls a second on average and
   * twice as many at once. Answers 0 when it may go on, else after how many ms.
   */
  take(keyId: string, perSecond: number): number;
  close(): Promise<void>;
}

interface Bucket {
  perSecond: number;
  tokens: number;
  /** When `tokens` was right, in ms of performance.now(). */
  at: number;
  /** Calls that the shared account does not know of yet. */
  unreported: number;
  /** Until when the shared account is overdrawn. */
  blockedUntil: number;
}

/** How much can be saved up, in seconds. */
export const burstSeconds = 2;
const reportEveryMs = 100;
/** After a failure the shared account is left alone for so long. */
const pauseMs = 1_000;
const maxBuckets = 10_000;

/**
 * Limits calls without asking anybody: each process has a token bucket for each
 * key, and tells the shared account every 100 ms what was spent. What several
 * processes let through in that time beyond the limit is paid back afterwards. While
 * the account is away, the limit holds for each process by itself.
 */
export function createRateLimiter({ shared, log }: { shared?: SharedAccount; log: Logger }): RateLimiter {
  const buckets = new Map<string, Bucket>();
  let unreported = new Map<string, Bucket>();
  let timer: NodeJS.Timeout | undefined;
  let reporting: Promise<void> = Promise.resolve();
  let away = false;

  return {
    take(keyId, perSecond) {
      if (perSecond === 0) return 0;
      const now = performance.now();
      const bucket = bucketOf(keyId, perSecond, now);
      if (bucket.blockedUntil > now) return bucket.blockedUntil - now;
      if (bucket.tokens < 1) return ((1 - bucket.tokens) / perSecond) * 1000;
      bucket.tokens -= 1;
      if (shared) {
        bucket.unreported += 1;
        unreported.set(keyId, bucket);
        timer ??= setTimeout(startReport, away ? pauseMs : reportEveryMs, shared);
      }
      return 0;
    },

    async close() {
      clearTimeout(timer);
      await reporting;
      await shared?.close();
    },
  };

  function bucketOf(keyId: string, perSecond: number, now: number): Bucket {
    const known = buckets.get(keyId);
    if (known?.perSecond === perSecond) {
      const gained = (Math.max(0, now - known.at) / 1000) * perSecond;
      known.tokens = Math.min(perSecond * burstSeconds, known.tokens + gained);
      known.at = Math.max(known.at, now);
      return known;
    }
    if (buckets.size >= maxBuckets) forgetFull(now);
    const bucket = { perSecond, tokens: perSecond * burstSeconds, at: now, unreported: 0, blockedUntil: 0 };
    buckets.set(keyId, bucket);
    return bucket;
  }

  /** A bucket that has had the time to fill up is as good as none. */
  function forgetFull(now: number): void {
    for (const [keyId, { at }] of buckets) {
      if (now - at > burstSeconds * 1000) buckets.delete(keyId);
    }
  }

  /** What the others have spent is not there to be spent here. */
  function adopt(bucket: Bucket, balance: number): void {
    if (balance >= 1) {
      bucket.tokens = Math.min(bucket.tokens, balance);
      return;
    }
    bucket.blockedUntil = performance.now() + ((1 - balance) / bucket.perSecond) * 1000;
    bucket.tokens = 1;
    bucket.at = bucket.blockedUntil;
  }

  function startReport(account: SharedAccount): void {
    reporting = report(account);
  }

  async function report(account: SharedAccount): Promise<void> {
    const spent = [...unreported];
    unreported = new Map();
    const spendings = spent.map(([keyId, { perSecond, unreported }]) => ({
      keyId,
      perSecond,
      calls: unreported,
    }));
    for (const [, bucket] of spent) bucket.unreported = 0;
    try {
      const balances = await account.spend(spendings);
      spent.forEach(([, bucket], index) => {
        adopt(bucket, balances[index] ?? 0);
      });
      if (away) log.info("rate limits are shared again");
      away = false;
    } catch (error) {
      if (!away) {
        log.warn({ err: (error as Error).message }, "Redis is away, each process limits calls by itself");
      }
      away = true;
    }
    // What came meanwhile set no timer, since this one was not done.
    timer =
      unreported.size > 0 ? setTimeout(startReport, away ? pauseMs : reportEveryMs, account) : undefined;
  }
}
