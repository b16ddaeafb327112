import { repeat } from "../../async/repeat.ts";
import type { DatabaseOptions } from "../database.ts";
import type { ThreadClient } from "./thread-client.ts";

/** PostgreSQL's own default for `checkpoint_timeout`. */
const defaultEveryMs = 300_000;

/** So many times as often, busy tables are vacuumed: every five seconds when nothing else is said. */
const busyRounds = 60;

/**
 * Does what PostgreSQL has background processes for, of which PGlite starts none: without
 * checkpoints the log grows as long as the process runs, without vacuum the tables do, and
 * scans pass by more and more of the rows that went.
 */
export function startMaintenance(
  client: ThreadClient,
  { log, maintenanceEveryMs: everyMs = defaultEveryMs }: DatabaseOptions,
): { close(): Promise<void> } {
  async function forEachTable(choice: string, work: string): Promise<void> {
    const { rows } = await client.query<{ name: string }>(choice);
    for (const { name } of rows) await client.exec(`${work} ${name}`);
  }

  async function maintain(): Promise<void> {
    await forEachTable(changedTables, "vacuum (analyze)");
    await client.exec("checkpoint");
  }

  const complain = (error: Error) =>
    log.error({ err: error.message }, "cannot maintain the embedded database, trying again");
  const timers = [
    repeat(everyMs / busyRounds, () => forEachTable(busyTables, "vacuum"), complain),
    repeat(everyMs, maintain, complain),
  ];

  return {
    async close() {
      await Promise.all(timers.map((timer) => timer.close()));
    },
  };
}

/* A fifth of the rows is dead, as by autovacuum's `autovacuum_vacuum_scale_factor`, and not only a few. */
const busyTables = `
  select relid::regclass::text as name from pg_stat_user_tables
  where n_dead_tup > 1000 + 0.2 * n_live_tup`;

/*
 * By the rules of autovacuum. Also those whose oldest rows have to be frozen before transaction
 * ids start again (`vacuum_freeze_table_age`). Tables of large values go with those they belong to.
 */
const changedTables = `
  select relid::regclass::text as name from pg_stat_all_tables s join pg_class c on c.oid = s.relid
  where s.schemaname <> 'pg_toast'
    and (n_dead_tup > 50 + 0.2 * n_live_tup or n_ins_since_vacuum > 1000 + 0.2 * n_live_tup
      or n_mod_since_analyze > 50 + 0.1 * n_live_tup or age(c.relfrozenxid) > 150000000)`;
