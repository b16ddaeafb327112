import type { Database } from "./database.ts";

/*
 * Autovacuum comes once a minute (`autovacuum_naptime`), after which thousands of deliveries
 * a second have left their index entries at the very place where claims and new
 * deliveries look. A row is dead twice: after its claim and after its end.
 */
const countRows = {
  name: "count_queue_rows",
  text: `
    select pg_stat_get_dead_tuples(c.oid)::float8 as dead, pg_stat_get_live_tuples(c.oid)::float8 as living
    from pg_class c where c.oid = 'delivery_queue'::regclass`,
};

/*
 * Of several processes one does it, and the others go on. Giving pages back to
 * the disk would lock the table, and they are soon needed again.
 */
const vacuum = { name: "vacuum_queue", text: "vacuum (skip_locked, truncate false) delivery_queue" };

/** Answers what vacuums the queue if many rows have left it. The embedded database does so by itself. */
export function createQueueVacuum(database: Database): () => Promise<void> {
  /** Rows that the last time had to leave, such as those that an open snapshot still sees. */
  let left = 0;

  return async () => {
    if (database.embedded) return;
    const rows = await count(database);
    left = Math.min(left, rows.dead);
    if (rows.dead - left <= 5_000 + 0.2 * rows.living) return;
    await database.query(vacuum);
    left = (await count(database)).dead;
  };
}

async function count(database: Database): Promise<{ dead: number; living: number }> {
  const [row] = await database.query<{ dead: number; living: number }>(countRows);
  return row ?? { dead: 0, living: 0 };
}
