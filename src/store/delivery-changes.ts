import type { Database } from "./database.ts";
import {
  type DeliveryColumns,
  type DeliveryRecord,
  deliveryColumns,
  deliveryRecord,
} from "./delivery-record.ts";
import type { DeliveryState } from "./entities.ts";

/** Where a reader of changes stands: after the change with this transaction and number. */
export interface Position {
  /** Decimal digits of a 64-bit number. */
  xid: string;
  seq: string;
}

/** A delivery that came into a state. */
export interface DeliveryChange {
  position: Position;
  changedAt: Date;
  state: DeliveryState;
  /** The delivery as it is now, which may be further on. */
  delivery: DeliveryRecord;
}

/** How long changes are kept: a reader that was away for longer has to start anew. */
export const changesKeptMs = 24 * 3_600_000;

/** Statements whose changes are read at once. */
const changesAPage = 50;
/** Deliveries from which on no further statement is read at once; one may have changed some thousand. */
const deliveriesAPage = 1_000;

/** After all changes that are over now. */
export async function currentPosition(database: Database): Promise<Position> {
  const [row] = await database.query<Position>(selectCurrent);
  return row ?? { xid: "0", seq: "0" };
}

/** What the tenants' deliveries went through since, in order, a page for each tenant. */
export async function readChanges(
  database: Database,
  after: ReadonlyMap<string, Position>,
): Promise<Map<string, DeliveryChange[]>> {
  const positions = [...after.values()];
  const rows = await database.query<ChangeRow>(selectChanges, [
    [...after.keys()],
    positions.map(({ xid }) => xid),
    positions.map(({ seq }) => seq),
    changesAPage,
    deliveriesAPage,
  ]);
  return new Map(
    [...Map.groupBy(rows, ({ tenantId }) => tenantId)].map(([id, own]) => [id, own.map(toChange)]),
  );
}

/** Whether a position lies in the past of this database, as one of another database need not. */
export async function isPast(database: Database, { xid }: Position): Promise<boolean> {
  const [row] = await database.query<{ past: boolean }>(selectPast, [xid]);
  return row?.past ?? false;
}

/** Removes what nobody can ask for any more. */
export async function forgetChanges(database: Database): Promise<void> {
  await database.query(removeOld, [changesKeptMs]);
}

export function comparePositions(a: Position, b: Position): number {
  return Number(BigInt(a.xid) - BigInt(b.xid)) || Number(BigInt(a.seq) - BigInt(b.seq));
}

interface ChangeRow extends DeliveryColumns {
  tenantId: string;
  xid: string;
  seq: string;
  changedAt: string;
  changedTo: DeliveryState;
}

function toChange({ xid, seq, changedAt, changedTo, tenantId: _, ...delivery }: ChangeRow): DeliveryChange {
  return {
    position: { xid, seq },
    changedAt: new Date(changedAt),
    state: changedTo,
    delivery: deliveryRecord(delivery),
  };
}

const selectCurrent = {
  name: "current_position",
  text: `select (pg_snapshot_xmin(pg_current_snapshot())::text::bigint - 1)::text as xid, '9223372036854775807' as seq`,
};

const selectPast = {
  name: "position_past",
  text: `select $1::text::xid8 < pg_snapshot_xmax(pg_current_snapshot()) as past`,
};

/*
 * Along index delivery_change_tenant, then by primary keys. Stops before the oldest
 * transaction that is still open: what commits later must not come in before what
 * was read already.
 */
const selectChanges = {
  name: "select_changes",
  text: `
    select r.tenant_id as "tenantId", r.xid::text as xid, r.seq::text as seq, r.changed_at as "changedAt",
      r.state as "changedTo", ${deliveryColumns}
    from unnest($1::uuid[], $2::text[], $3::text[]) as a (tenant_id, xid, seq)
    cross join lateral (
      select *, sum(cardinality(delivery_ids)) over (order by xid, seq) - cardinality(delivery_ids) as before
      from (
        select * from delivery_change x
        where x.tenant_id = a.tenant_id and (x.xid, x.seq) > (a.xid::xid8, a.seq::bigint)
          and x.xid < pg_snapshot_xmin(pg_current_snapshot())
        order by x.xid, x.seq limit $4
      ) page
    ) r
    cross join lateral unnest(r.delivery_ids) with ordinality as i (id, n)
    join delivery d on d.id = i.id
    join channel c on c.id = d.channel_id
    left join delivery_queue q on q.delivery_id = d.id
    where r.before < $5
    order by r.tenant_id, r.xid, r.seq, i.n`,
};

/* Along index delivery_change_age; up to where statistics have counted. */
const removeOld = {
  name: "remove_old_changes",
  text: `
    delete from delivery_change x using statistics_progress p
    where x.changed_at < now() - $1::float8 * interval '1 millisecond' and (x.xid, x.seq) <= (p.xid, p.seq)`,
};
