import type { Database } from "./database.ts";
import * as sql from "./replays.sql.ts";
import { replayBatch } from "./replays.ts";

/**
 * Carries replays on, a batch at a time, as long as there is one that no other process
 * is at. Any number of processes may do so. `signal` ends it between two batches.
 */
export async function runReplays(database: Database, signal: AbortSignal): Promise<void> {
  while (!signal.aborted && (await database.query(sql.anyRunning)).length > 0) {
    if ((await database.query(sql.advance, [replayBatch])).length === 0) return;
  }
}

/** Forgets replays that ended and are older than `maxAgeMs`. */
export async function removeOldReplays(database: Database, maxAgeMs: number): Promise<void> {
  await database.query(sql.removeOld, [maxAgeMs]);
}
