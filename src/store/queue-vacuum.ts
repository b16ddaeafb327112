import type { Database } from "./database.ts";

/*
 * Autovacuum comes once a minute (`autovacuum_naptime`), after which thousands of deliveries
 * a second have left their index entries at the very place where claims and new
 * deliveries look. A row is dead twice: after its claim and after its end.
 */
const isDue = {
  name: "is_queue_vacuum_due",
  text: `
    select pg_stat_get_dead_tuples(c.oid) > 5000 + 0.2 * pg_stat_get_live_tuples(c.oid) as due
    from pg_class c where c.oid = 'delivery_queue'::regclass`,
};

/*
 * Of several processes one does it, and the others go on. Giving pages back to
 * the disk would lock the table, and they are soon needed again.
 */
const vacuum = { name: "vacuum_queue", text: "vacuum (skip_locked, truncate false) delivery_queue" };

/** Vacuums the queue if many rows have left it. The embedded database does so by itself. */
export async function vacuumQueue(database: Database): Promise<void> {
  if (database.embedded) return;
  const [row] = await database.query<{ due: boolean }>(isDue);
  if (row?.due) await database.query(vacuum);
}
