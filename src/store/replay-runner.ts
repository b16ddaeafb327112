import type { Database } from "./database.ts";
import * as sql from "./replays.sql.ts";
import { replayBatch } from "./replays.ts";

/**
 * Carries replays on, in turns of a batch each, as long as there is one that no other
 * process is at. Any number of processes may do so. `signal` ends it between two batches.
 * Rejects in the end with the error of one that cannot be carried on; the others are.
 */
export async function runReplays(database: Database, signal: AbortSignal): Promise<void> {
  while (!signal.aborted) {
    const running = await database.query<{ id: string }>(sql.running);
    const failures: unknown[] = [];
    let advanced = 0;
    for (const { id } of running) {
      if (signal.aborted) return;
      try {
        advanced += (await database.query(sql.advance, [replayBatch, id])).length;
      } catch (error) {
        failures.push(error);
      }
    }
    if (advanced > 0) continue;
    if (failures.length > 0) throw failures[0];
    return;
  }
}

/** Forgets replays that ended and are older than `maxAgeMs`. */
export async function removeOldReplays(database: Database, maxAgeMs: number): Promise<void> {
  await database.query(sql.removeOld, [maxAgeMs]);
}
