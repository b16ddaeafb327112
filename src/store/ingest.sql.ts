import type { Statement } from "./database.ts";

/** Stands between the payloads of a batch ($4): JSON escapes it, so nothing in them needs to be escaped again. */
export const payloadSeparator = "\x1e";

/** Notified after a commit that left deliveries for anyone to claim. */
export const deliveryTopic = "jitsudo_delivery";

/*
 * One statement, so one transaction and one round trip. Events go in ordered by
 * idempotency key, so that two batches with the same keys wait for each other
 * instead of dead-locking; deliveries in the order of the calls, which is the
 * order that ordered channels keep. The fan-out joins the tenant's own living
 * channels (index channel_living) and locks none of them. Deliveries are counted by
 * one grouping: a subselect for each event would read all of them each time. "is true"
 * has the new ids hashed, where a join would compare each event with each of them.
 *
 * With a lease token ($11), deliveries are claimed as they are made, under the rules of a
 * claim and one more: nothing may wait in the same line (index delivery_queue_waiting), so
 * that nobody is overtaken. Whatever else waits for its turn, waits to be claimed.
 */
export const insertEvents: Statement = {
  name: "insert_events",
  keepPlan: true,
  text: `
    with input as (
      select *, coalesce(expire_at, now() + max_age_ms * interval '1 millisecond') as expires_at
      from unnest($1::uuid[], $2::uuid[], $3::text[], string_to_array($4, e'\\x1e'), $5::text[], $6::text[], $7::text[], $8::timestamptz[], $18::float8[], $9::text[], $10::text[])
        with ordinality as t (id, tenant_id, type, payload, payload_hash, idempotency_key, subject, expire_at, max_age_ms, request_id, traceparent, position)
    ), made as (
      insert into event (id, tenant_id, type, payload, payload_hash, idempotency_key, request_id, traceparent, received_at)
      select id, tenant_id, type, payload, payload_hash, idempotency_key, request_id, traceparent, now()
      from input order by tenant_id, idempotency_key
      on conflict (tenant_id, idempotency_key) where idempotency_key is not null do nothing
      returning id
    ), fanned as materialized (
      select uuid_v7() as delivery_id, i.tenant_id, i.id as event_id, i.type, i.expires_at, i.position,
        i.type = 'request.break_glass' as urgent, case when c.ordered then i.subject end as subject,
        c.id as channel_id, c.type as channel_type, c.updated_at as channel_updated_at
      from input i
      cross join lateral (
        select c.id, c.type, c.ordered, c.updated_at from channel c
        where c.tenant_id = i.tenant_id and c.deleted_at is null and c.enabled
          and (c.event_filters = '{}' or i.type = any (c.event_filters))
        offset 0
      ) c
      where (i.id in (select id from made)) is true
    ), free_lines as materialized (
      select l.urgent, l.channel_id
      from (select distinct urgent, channel_id from fanned where $11::uuid is not null) l
      where not exists (select 1 from delivery_queue q
          where q.lease_token is null and q.urgent = l.urgent and q.channel_id = l.channel_id)
        and (l.urgent or not exists (select 1 from channel_health b
          where b.channel_id = l.channel_id and (b.consecutive_failures >= $17::int or b.open_until > now())))
    ), placed as materialized (
      select f.*, ((urgent, channel_id) in (select urgent, channel_id from free_lines)) is true
        and row_number() over (partition by urgent order by position)
          <= case when urgent then $13::int else $14::int end
        and row_number() over (partition by urgent, channel_id order by position)
          <= coalesce(($15::jsonb ->> (case when urgent then '!' else '' end || channel_id::text))::int,
            ($15::jsonb ->> case when not urgent then channel_type end)::int, $16::int)
        and row_number() over (partition by urgent, tenant_id order by position)
          <= coalesce(($15::jsonb ->> (case when urgent then '!' else '' end || tenant_id::text))::int,
            ($15::jsonb ->> case when urgent then '!tenant' else 'tenant' end)::int, 0)
        and (urgent or subject is null
          or row_number() over (partition by channel_id, subject order by position) = 1 and not exists (
            select 1 from delivery_queue e where e.channel_id = f.channel_id and e.subject = f.subject))
        as taken
      from fanned f
    ), recorded as (
      insert into delivery (id, tenant_id, event_id, channel_id, event_type, created_at)
      select delivery_id, tenant_id, event_id, channel_id, type, now() from fanned
    ), queued as (
      insert into delivery_queue (delivery_id, tenant_id, channel_id, event_id, subject, urgent, not_before, expires_at,
        attempts, started_at, lease_token, lease_until)
      select delivery_id, tenant_id, channel_id, event_id, subject, urgent, now(), expires_at,
        taken::int, case when taken then now() end, case when taken then $11::uuid end,
        case when taken then now() + $12 * interval '1 millisecond' end
      from placed order by position
    ), changed as (
      insert into delivery_change (tenant_id, state, delivery_ids)
      select tenant_id, 'pending', array_agg(delivery_id order by position) from fanned group by tenant_id
    ), counted as (
      select id, null::uuid as delivery_id, null::uuid as channel_id, null as channel_type, null as channel_version,
        false as taken
      from made
      union all
      select p.event_id, p.delivery_id, p.channel_id, p.channel_type,
        concat_ws(' ', p.channel_updated_at, s.updated_at), p.taken
      from placed p
      left join lateral (select * from tenant_settings s where p.taken and s.tenant_id = p.tenant_id offset 0) s on true
    )
    select id, count(delivery_id)::int as deliveries, now() as "receivedAt",
      json_agg(json_build_object('deliveryId', delivery_id, 'channelId', channel_id, 'channelType', channel_type,
        'channelVersion', channel_version)) filter (where taken) as taken,
      case when count(delivery_id) > count(*) filter (where taken) then pg_notify('${deliveryTopic}', '') end
    from counted
    group by id`,
};

/* By index event_idempotency_key. */
export const selectKnown: Statement = {
  name: "select_known_events",
  text: `
    select e.tenant_id, e.idempotency_key, e.id, e.payload_hash,
      (select count(*)::int from delivery d where d.event_id = e.id) as deliveries
    from unnest($1::uuid[], $2::text[]) as i (tenant_id, idempotency_key)
    join event e on e.tenant_id = i.tenant_id and e.idempotency_key = i.idempotency_key`,
};
