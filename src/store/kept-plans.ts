import { Pool } from "pg";
import type { Logger } from "pino";
import { setsOnConnect } from "./sessions.ts";

/**
 * Sessions that plan a prepared statement once and keep the plan, by nested loops over
 * indexes.
 *
 * The queue grows from nothing to millions of rows and back, and a plan that was chosen
 * for an empty table would read a full one from end to end, for each row. So statements
 * that use these sessions are written such that there is one way to carry them out:
 * tables are looked up in lateral subselects that "offset 0" or "for update" keep from
 * being merged into the rest, by a condition that fits one index alone; rows that were
 * found are changed by an array of their keys or, where nobody else changes them
 * meanwhile, by their ctids. A test holds every such plan against tables that have grown
 * since it was made.
 */
export const keptPlanSettings = [
  "plan_cache_mode=force_generic_plan",
  "enable_seqscan=off",
  "enable_hashjoin=off",
  "enable_mergejoin=off",
  "enable_bitmapscan=off",
  "jit=off",
];

/** Connections like those of `model`, for statements whose plans are kept. The caller ends the pool. */
export function openKeptPlanPool({ options }: Pool, max: number, log: Logger): Pool {
  const pool = new Pool({
    ...options,
    // Not enumerable, so that it is not printed.
    password: options.password,
    max,
    ...setsOnConnect(keptPlanSettings),
  });
  // A connection that the server drops is replaced; without these the process would end.
  const warn = (error: Error) => log.warn({ err: error.message }, "PostgreSQL connection error");
  pool.on("connect", (client) => client.on("error", warn));
  pool.on("error", warn);
  return pool;
}
