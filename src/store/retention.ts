import { inBatches } from "../async/in-batches.ts";
import type { Database, Statement } from "./database.ts";

/** Rows that one statement removes, so that nothing is locked for long. */
const batch = 1_000;

/**
 * Removes finished deliveries, their attempts, and events without deliveries that
 * are older than `maxAgeMs`. `signal` ends it between two batches. Answers how many
 * deliveries and events went.
 */
export async function removeOld(
  database: Database,
  maxAgeMs: number,
  signal: AbortSignal,
): Promise<{ deliveries: number; events: number }> {
  const remove = (statement: Statement) =>
    inBatches(batch, async (limit) => (await database.query(statement, [maxAgeMs, limit])).length, signal);
  return { deliveries: await remove(removeDeliveries), events: await remove(removeEvents) };
}

/*
 * Along the primary keys: a UUIDv7 begins with its time, so the oldest rows are
 * the first ones. An old delivery that is still open stops nothing: it is skipped.
 */
const floor = `(lpad(to_hex(((extract(epoch from now()) * 1000 - $1::float8))::bigint), 12, '0')
  || '70008000000000000000')::uuid`;

const removeDeliveries = {
  name: "remove_old_deliveries",
  text: `
    with old as materialized (
      select id from delivery where id < ${floor} and state <> 'pending' and completed_at < now() - $1::float8 * interval '1 millisecond'
      order by id limit $2
      for update skip locked
    ), attempts as (
      delete from attempt a using old o where a.delivery_id = o.id
    ), unsent as (
      delete from delivery_unsent u using old o where u.delivery_id = o.id
    )
    delete from delivery d using old o where d.id = o.id returning d.id`,
};

const removeEvents = {
  name: "remove_old_events",
  text: `
    with old as materialized (
      select e.id from event e
      where e.id < ${floor} and not exists (select 1 from delivery d where d.event_id = e.id)
        and not exists (select 1 from replay r
          where r.tenant_id = e.tenant_id and r.state = 'running' and r.kind = 'missed')
      order by e.id limit $2
      for update skip locked
    )
    delete from event e using old o where e.id = o.id returning e.id`,
};
