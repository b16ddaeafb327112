import { Client } from "pg";
import { until } from "../../support/until.ts";
import type { Cluster } from "./cluster.ts";

/** Keeps the service from a table; returns what ends it. */
export const lockTable = (databaseUrl: string, table: string) => lock(databaseUrl, `lock table ${table}`);

/** Keeps the service from changing the rows that a table has; returns what ends it. */
export const lockRows = (databaseUrl: string, table: string) =>
  lock(databaseUrl, `select from ${table} for update`);

async function lock(databaseUrl: string, statement: string): Promise<() => Promise<void>> {
  const database = new Client(databaseUrl);
  await database.connect();
  await database.query(`begin; ${statement}`);
  return () => database.end();
}

/** Resolves when so many statements that are like `query` (SQL) have waited for a lock for so long. */
export async function untilLocked(
  cluster: Cluster,
  { query = "%", count = 1, forMs = 0 }: { query?: string; count?: number; forMs?: number },
): Promise<void> {
  await until(async () => {
    const [waiting] = await cluster.sql<{ count: number }>(
      `select count(*)::int as count from pg_stat_activity
       where datname = current_database() and wait_event_type = 'Lock' and query like $1
         and query_start <= now() - $2::int * interval '1 millisecond'`,
      [query, forMs],
    );
    return (waiting?.count ?? 0) >= count;
  });
}
