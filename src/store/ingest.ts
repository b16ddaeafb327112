import { type Batcher, createBatcher } from "../batcher.ts";
import type { NoticeType } from "../events.ts";
import type { Database, Statement } from "./database.ts";
import { isDatabaseUnavailable } from "./unavailable.ts";

/** An event that is ready to be stored. */
export interface NewEvent {
  /** UUIDv7. */
  id: string;
  tenantId: string;
  type: NoticeType;
  /** Canonical JSON of an EventPayload, and the SHA-256 of it in hex. */
  payload: string;
  payloadHash: string;
  idempotencyKey: string | undefined;
  /** The request that it is about, to find its deliveries by. */
  requestId: string | undefined;
  /** Deliveries with the same subject keep their order on a channel. */
  subject: string | undefined;
  /** When the notice becomes useless. */
  expiresAt: Date | undefined;
  /** Where the trace of its deliveries goes on: a W3C `traceparent`. */
  traceparent?: string | undefined;
}

/** What became of it. */
export type Ingested =
  | { kind: "accepted"; id: string; deliveries: number }
  /** The idempotency key was known and the event is the same. */
  | { kind: "replayed"; id: string; deliveries: number }
  /** The idempotency key was known, but for another event. */
  | { kind: "conflict" };

/** Notified after a commit that made deliveries. */
export const deliveryTopic = "jitsudo_delivery";

/**
 * Stores events, each with one delivery for every enabled channel that wants it.
 * Concurrent calls share a transaction; it is committed when the promise resolves.
 */
export function createIngest(
  database: Database,
  { onBatch }: { onBatch: (size: number) => void },
): Batcher<NewEvent, Ingested> {
  return createBatcher({
    run: (events) => storeEvents(database, events),
    maxItems: 500,
    concurrency: 2,
    // One caller's event must not fail the others' that happen to share its batch.
    isolate: (error) => !isDatabaseUnavailable(error),
    onBatch,
  });
}

async function storeEvents(database: Database, events: NewEvent[]): Promise<Ingested[]> {
  const made = await database.query<{ id: string; deliveries: number }>(insertEvents, [
    events.map((event) => event.id),
    events.map((event) => event.tenantId),
    events.map((event) => event.type),
    events.map((event) => event.payload),
    events.map((event) => event.payloadHash),
    events.map((event) => event.idempotencyKey ?? null),
    events.map((event) => event.subject ?? null),
    events.map((event) => event.expiresAt?.toISOString() ?? null),
    events.map((event) => event.requestId ?? null),
    events.map((event) => event.traceparent ?? null),
  ]);
  const deliveries = new Map(made.map((row) => [row.id, row.deliveries]));
  const known = await findKnown(
    database,
    events.filter(({ id }) => !deliveries.has(id)),
  );
  return events.map((event): Ingested => {
    const count = deliveries.get(event.id);
    if (count !== undefined) return { kind: "accepted", id: event.id, deliveries: count };
    const first = known.get(keyOf(event));
    // The first event was removed between the two statements: its key is spent all the same.
    if (!first || first.payload_hash !== event.payloadHash) return { kind: "conflict" };
    return { kind: "replayed", id: first.id, deliveries: first.deliveries };
  });
}

interface KnownEvent {
  tenant_id: string;
  idempotency_key: string;
  id: string;
  payload_hash: string;
  deliveries: number;
}

async function findKnown(database: Database, events: NewEvent[]): Promise<Map<string, KnownEvent>> {
  if (events.length === 0) return new Map();
  const rows = await database.query<KnownEvent>(selectKnown, [
    events.map((event) => event.tenantId),
    events.map((event) => event.idempotencyKey ?? null),
  ]);
  return new Map(
    rows.map((row) => [keyOf({ tenantId: row.tenant_id, idempotencyKey: row.idempotency_key }), row]),
  );
}

function keyOf({ tenantId, idempotencyKey }: Pick<NewEvent, "tenantId" | "idempotencyKey">): string {
  return `${tenantId}/${idempotencyKey}`;
}

/*
 * One statement, so one transaction and one round trip. Events go in ordered by
 * idempotency key, so that two batches with the same keys wait for each other
 * instead of dead-locking; deliveries in the order of the calls, which is the
 * order that ordered channels keep. The fan-out joins the tenant's own living
 * channels (index channel_living) and locks none of them. Deliveries are counted by
 * one grouping: a subselect for each event would read all of them each time. "is true"
 * has the new ids hashed, where a join would compare each event with each of them.
 */
export const insertEvents: Statement = {
  name: "insert_events",
  keepPlan: true,
  text: `
    with input as (
      select * from unnest($1::uuid[], $2::uuid[], $3::text[], $4::text[], $5::text[], $6::text[], $7::text[], $8::timestamptz[], $9::text[], $10::text[])
        with ordinality as t (id, tenant_id, type, payload, payload_hash, idempotency_key, subject, expires_at, request_id, traceparent, position)
    ), made as (
      insert into event (id, tenant_id, type, payload, payload_hash, idempotency_key, request_id, traceparent, received_at)
      select id, tenant_id, type, payload, payload_hash, idempotency_key, request_id, traceparent, now()
      from input order by tenant_id, idempotency_key
      on conflict (tenant_id, idempotency_key) where idempotency_key is not null do nothing
      returning id
    ), fanned as materialized (
      select uuid_v7() as delivery_id, i.tenant_id, i.id as event_id, i.type, i.subject, i.expires_at, i.position,
        c.id as channel_id, c.ordered
      from input i
      cross join lateral (
        select c.id, c.ordered from channel c
        where c.tenant_id = i.tenant_id and c.deleted_at is null and c.enabled
          and (c.event_filters = '{}' or i.type = any (c.event_filters))
        offset 0
      ) c
      where (i.id in (select id from made)) is true
    ), recorded as (
      insert into delivery (id, tenant_id, event_id, channel_id, event_type, created_at)
      select delivery_id, tenant_id, event_id, channel_id, type, now() from fanned
    ), queued as (
      insert into delivery_queue (delivery_id, tenant_id, channel_id, event_id, subject, urgent, not_before, expires_at)
      select delivery_id, tenant_id, channel_id, event_id, case when ordered then subject end,
        type = 'request.break_glass', now(), expires_at
      from fanned order by position
    ), changed as (
      insert into delivery_change (tenant_id, state, delivery_ids)
      select tenant_id, 'pending', array_agg(delivery_id order by position) from fanned group by tenant_id
    )
    select id, sum(n)::int as deliveries, case when sum(n) > 0 then pg_notify('${deliveryTopic}', '') end
    from (select id, 0 as n from made union all select event_id, 1 from fanned) counted
    group by id`,
};

const selectKnown = {
  name: "select_known_events",
  text: `
    select e.tenant_id, e.idempotency_key, e.id, e.payload_hash,
      (select count(*)::int from delivery d where d.event_id = e.id) as deliveries
    from unnest($1::uuid[], $2::text[]) as i (tenant_id, idempotency_key)
    join event e on e.tenant_id = i.tenant_id and e.idempotency_key = i.idempotency_key`,
};
