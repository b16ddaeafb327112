import type { Database } from "./database.ts";
import { latencyBoundsMs } from "./latency.ts";

/** What deliveries are told apart by. */
export type Grouping = "channel_id" | "event_type" | "state";

export interface StatisticsQuery {
  since: Date;
  until: Date;
  /** Length of a bucket of time; a whole number of minutes, or of hours. */
  bucketSeconds: number;
  groupBy: Grouping[];
  channelId: string | undefined;
  eventType: string | undefined;
  state: string | undefined;
}

/** One group in one bucket of time. */
export interface StatisticsPoint {
  startsAt: Date;
  /** Empty where it is not grouped by it. */
  channelId: string;
  eventType: string;
  state: string;
  count: number;
  /** How many took how long from creation to their end, by the index of the latency bucket. */
  latencies: Map<number, number>;
}

/** How long counts by the minute are kept. */
export const minutesKeptMs = 48 * 3_600_000;

/**
 * How the deliveries of one tenant ended, ordered by group, then by time. Without the buckets
 * in which nothing ended.
 */
export async function readStatistics(
  database: Database,
  tenantId: string,
  query: StatisticsQuery,
): Promise<StatisticsPoint[]> {
  const grouped = (name: Grouping) => query.groupBy.includes(name);
  const rows = await database.query<PointRow>(select, [
    tenantId,
    query.bucketSeconds % 3600 === 0 ? 3600 : 60,
    query.since.toISOString(),
    query.until.toISOString(),
    query.bucketSeconds,
    grouped("channel_id"),
    grouped("event_type"),
    grouped("state"),
    query.channelId ?? null,
    query.eventType ?? null,
    query.state ?? null,
  ]);
  return rows.map(({ startsAt, latencies, ...row }) => ({
    ...row,
    startsAt: new Date(startsAt),
    latencies: new Map(Object.entries(latencies).map(([bucket, count]) => [Number(bucket), count])),
  }));
}

interface PointRow extends Omit<StatisticsPoint, "startsAt" | "latencies"> {
  startsAt: string;
  latencies: Record<string, number>;
}

/** Statements whose changes are counted at once. */
const changesARound = 100;

/**
 * Counts what has changed since the last time, in any process and each change once.
 * Resolves when nothing is left, or another process is at it.
 */
export async function countStatistics(database: Database, signal: AbortSignal): Promise<void> {
  while (!signal.aborted && (await database.query(anyUncounted)).length > 0) {
    const [row] = await database.query<{ read: number }>(count, [changesARound, [...latencyBoundsMs]]);
    if (!row || row.read < changesARound) return;
  }
}

/**
 * Starts counting from now on when the position that was reached lies in the future, as it may
 * in a database that was restored from a dump of another: its transactions have numbers of
 * their own. For the start of a process, while no other one starts.
 */
export async function resumeCounting(database: Database): Promise<void> {
  await database.query(resume);
}

/** Forgets the minutes that are too old, and the hours that are older than `maxAgeMs`. */
export async function removeOldStatistics(database: Database, maxAgeMs: number): Promise<void> {
  await database.query(removeOld, [60, minutesKeptMs]);
  await database.query(removeOld, [3600, maxAgeMs]);
}

/* A range of the primary key. */
const select = {
  name: "select_statistics",
  text: `
    select "startsAt", coalesce("channelId"::text, '') as "channelId", "eventType", state, sum(n)::int as count, jsonb_object_agg(latency, n) as latencies
    from (
      select date_bin($5::int * interval '1 second', starts_at, timestamptz '1970-01-01 00:00:00Z') as "startsAt",
        case when $6::boolean then channel_id end as "channelId",
        case when $7::boolean then event_type else '' end as "eventType",
        case when $8::boolean then state else '' end as state, latency, sum(count) as n
      from delivery_statistics
      where tenant_id = $1 and width_seconds = $2 and starts_at >= $3 and starts_at < $4
        and ($9::uuid is null or channel_id = $9) and ($10::text is null or event_type = $10)
        and ($11::text is null or state = $11)
      group by 1, 2, 3, 4, 5
    ) s
    group by 1, s."channelId", 3, 4
    order by 2, 3, 4, 1`,
};

/* Along the primary keys: spares planning the next one when there is nothing to do. */
const anyUncounted = {
  name: "any_uncounted",
  text: `select 1 from statistics_progress p
    cross join lateral (select xid, seq from delivery_change order by xid desc, seq desc limit 1) x
    where (x.xid, x.seq) > (p.xid, p.seq)`,
};

/*
 * Takes the changes after the position that was reached (primary key), up to the
 * oldest transaction that is still open, and adds the deliveries that ended by them
 * (primary key) to their minutes and hours. Locks the one row of progress, so
 * that one process at a time counts.
 */
const count = {
  name: "count_statistics",
  text: `
    with reached as materialized (
      select xid, seq from statistics_progress where id = 1 for update skip locked
    ), fresh as materialized (
      select x.* from reached r cross join lateral (
        select * from delivery_change x
        where (x.xid, x.seq) > (r.xid, r.seq) and x.xid < pg_snapshot_xmin(pg_current_snapshot())
        order by x.xid, x.seq limit $1
      ) x
    ), minutes as materialized (
      select d.tenant_id, date_bin('1 minute', d.completed_at, timestamptz '1970-01-01 00:00:00Z') as starts_at,
        d.channel_id, d.event_type, d.state,
        width_bucket(extract(epoch from d.completed_at - d.created_at)::float8 * 1000, $2::float8[]) as latency, count(*)::int as n
      from fresh f cross join lateral unnest(f.delivery_ids) as i (id) join delivery d on d.id = i.id
      where f.state not in ('pending', 'delivering') and d.completed_at is not null
      group by 1, 2, 3, 4, 5, 6
    ), ended as (
      select 60 as seconds, * from minutes
      union all
      select 3600, tenant_id, date_bin('1 hour', starts_at, timestamptz '1970-01-01 00:00:00Z'),
        channel_id, event_type, state, latency, sum(n)::int
      from minutes
      group by 2, 3, 4, 5, 6, 7
    ), added as (
      insert into delivery_statistics as s
        (tenant_id, width_seconds, starts_at, channel_id, event_type, state, latency, count)
      select tenant_id, seconds, starts_at, channel_id, event_type, state, latency, n from ended
      on conflict (tenant_id, width_seconds, starts_at, channel_id, event_type, state, latency)
        do update set count = s.count + excluded.count
    ), last as (
      select xid, seq from fresh order by xid desc, seq desc limit 1
    )
    update statistics_progress p
    set xid = coalesce((select xid from last), p.xid), seq = coalesce((select seq from last), p.seq)
    where p.id = 1 and exists (select 1 from fresh)
    returning (select count(*)::int from fresh) as read`,
};

/* What was changed elsewhere cannot be told apart from what is changed here, so it goes. */
const resume = {
  name: "resume_statistics",
  text: `
    with progress as (
      update statistics_progress
      set xid = (pg_snapshot_xmin(pg_current_snapshot())::text::bigint - 1)::text::xid8, seq = 9223372036854775807
      where xid >= pg_snapshot_xmax(pg_current_snapshot())
      returning id
    )
    delete from delivery_change x using progress p
    where x.xid >= pg_snapshot_xmin(pg_current_snapshot())`,
};

/* Along index delivery_statistics_age. */
const removeOld = {
  name: "remove_old_statistics",
  text: `delete from delivery_statistics
    where width_seconds = $1 and starts_at < now() - $2::float8 * interval '1 millisecond'`,
};
