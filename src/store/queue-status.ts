import type { Database, Statement } from "./database.ts";

/** The open deliveries of one tenant. */
export interface QueueStatus {
  /** Wait for an attempt; at most `countUpTo`. */
  pending: number;
  /** Held by a worker; at most `countUpTo`. */
  delivering: number;
  /** When the oldest of them was created; undefined: none is open. */
  oldestCreatedAt: Date | undefined;
}

/** Beyond this, a larger number would tell nobody more. */
const countUpTo = 10_000;

export async function readQueueStatus(database: Database, tenantId: string): Promise<QueueStatus> {
  const [row] = await database.query<{ pending: number; delivering: number; oldestMs: number | null }>(
    queueStatus,
    [tenantId, countUpTo],
  );
  if (!row) throw new Error("The queue's status has no row");
  const { oldestMs, ...counts } = row;
  return { ...counts, oldestCreatedAt: oldestMs === null ? undefined : new Date(oldestMs) };
}

/*
 * Goes from the tenant's living channels (index channel_living) to the head of each
 * one's line (index delivery_queue_waiting), which is its oldest. The count reads that
 * index up to the bound, and no further however many wait. What workers hold is as
 * much as they can carry at once (index delivery_queue_leased). The time of a delivery
 * is the first 48 bits of its UUIDv7 (RFC 9562, 5.7). Locks nothing.
 */
export const queueStatus: Statement = {
  name: "queue_status",
  keepPlan: true,
  text: `
    with line as materialized (
      select c.id as channel_id, u.urgent
      from channel c cross join (values (true), (false)) as u (urgent)
      where c.tenant_id = $1 and c.deleted_at is null
    ), held as materialized (
      select delivery_id from delivery_queue
      where lease_token is not null and tenant_id = $1
      order by lease_until limit $2::int
    ), oldest as (
      select h.delivery_id from line l cross join lateral (
        select q.delivery_id from delivery_queue q
        where q.lease_token is null and q.urgent = l.urgent and q.channel_id = l.channel_id
        order by q.seq limit 1) h
      union all
      select delivery_id from held
    )
    select
      (select count(*)::int from (
        select from line l cross join lateral (
          select from delivery_queue q
          where q.lease_token is null and q.urgent = l.urgent and q.channel_id = l.channel_id
          limit $2::int) w
        limit $2::int) counted) as pending,
      (select count(*)::int from held) as delivering,
      (select min(('x' || left(replace(delivery_id::text, '-', ''), 12))::bit(48)::bigint)::float8
        from oldest) as "oldestMs"`,
};
