import { Pool } from "pg";
import type { Logger } from "pino";

/**
 * PostgreSQL plans a prepared statement for good when told so, and these settings leave
 * it nothing but indexes and nested loops. So a plan that was made for an empty table is
 * right for millions of rows as well, which cannot be said of what it would choose freely.
 */
export const keptPlanSettings = [
  "plan_cache_mode=force_generic_plan",
  "enable_seqscan=off",
  "enable_hashjoin=off",
  "enable_mergejoin=off",
  "jit=off",
];

/** Connections like those of `model`, for statements whose plans are kept. The caller ends the pool. */
export function openKeptPlanPool({ options }: Pool, max: number, log: Logger): Pool {
  const pool = new Pool({
    ...options,
    // Not enumerable, so that it is not printed.
    password: options.password,
    max,
    options: keptPlanSettings.map((setting) => `-c ${setting}`).join(" "),
  });
  // A connection that the server drops is replaced; without these the process would end.
  const warn = (error: Error) => log.warn({ err: error.message }, "PostgreSQL connection error");
  pool.on("connect", (client) => client.on("error", warn));
  pool.on("error", warn);
  return pool;
}
