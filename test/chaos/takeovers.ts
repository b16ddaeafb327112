import { setTimeout as sleep } from "node:timers/promises";
import type { Database } from "../../src/store/database.ts";

/** How long deliveries stayed with a worker whose lease had run out, in milliseconds. */
export interface Takeovers {
  /** Attempts that were cut off by the loss of their worker. */
  interrupted: number;
  /** Longest time beyond the end of a lease while PostgreSQL was there; the poll is meant to be its bound. */
  overdueMs: number;
  /** The same in and shortly after its outages, when nobody could take anything over. */
  overdueInOutageMs: number;
}

export interface TakeoverWatch {
  /** Ends the watch. `outages` are times in milliseconds since 1970. */
  stop(outages: [from: number, to: number][]): Promise<Takeovers>;
}

const everyMs = 50;
/** Connections, leases and polls need so long to be as before. */
const settlingMs = 3_000;

/**
 * Looks all the time for leases that have run out and were not taken over. A
 * worker that dies leaves a lease of the full length at the most, so what is seen
 * here is all that comes on top of it.
 */
export function watchTakeovers(database: Database): TakeoverWatch {
  const seen: { at: number; overdueMs: number }[] = [];
  let stopped = false;

  async function look(): Promise<void> {
    try {
      const [row] = await database.query<{ overdue: number }>({ name: "", text: longestOverdue });
      if (row && row.overdue > 0) seen.push({ at: Date.now(), overdueMs: Math.round(row.overdue) });
    } catch {
      // PostgreSQL is being restarted: there is nothing to be seen.
    }
  }

  const watching = (async () => {
    while (!stopped) {
      await look();
      await sleep(everyMs);
    }
  })();

  return {
    async stop(outages) {
      stopped = true;
      await watching;
      const inOutage = (at: number) => outages.some(([from, to]) => at >= from && at <= to + settlingMs);
      const longest = (samples: typeof seen) => Math.max(0, ...samples.map(({ overdueMs }) => overdueMs));
      const [row] = await database.query<{ count: number }>({ name: "", text: countInterrupted });
      return {
        interrupted: row?.count ?? 0,
        overdueMs: longest(seen.filter(({ at }) => !inOutage(at))),
        overdueInOutageMs: longest(seen.filter(({ at }) => inOutage(at))),
      };
    },
  };
}

const longestOverdue = `
  select coalesce(max(extract(epoch from now() - lease_until)), 0)::float8 * 1000 as overdue
  from delivery_queue where lease_token is not null and lease_until < now()`;

const countInterrupted = "select count(*)::int as count from attempt where outcome = 'interrupted'";
