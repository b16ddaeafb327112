import type { Statement } from "./database.ts";

/** The most attempts that a delivery gets. */
export const maxAttempts = 3;

/** So far from the head of a channel's line a claim looks for what may go out. */
const claimWindow = 1_000;

/*
 * Hops along index delivery_queue_waiting from one channel to the next (a loose
 * index scan), once for break-glass and once for the rest, so the cost is that of
 * the channels that have work and not of the deliveries that wait. Locks nothing.
 */
export const waitingChannels: Statement = {
  name: "waiting_channels",
  keepPlan: true,
  text: `
    with recursive hop (urgent, channel_id, n) as (
      select u.urgent, (select q.channel_id from delivery_queue q
        where q.lease_token is null and q.urgent = u.urgent and q.channel_id > u.after_id
        order by q.channel_id limit 1), 1
      from (values (true, $1::uuid), (false, $2::uuid)) as u (urgent, after_id)
      union all
      select h.urgent, (select q.channel_id from delivery_queue q
        where q.lease_token is null and q.urgent = h.urgent and q.channel_id > h.channel_id
        order by q.channel_id limit 1), h.n + 1
      from hop h where h.channel_id is not null and h.n < $3
    )
    select h.urgent, c.id as "channelId", c.tenant_id as "tenantId", c.type,
      c.enabled and c.deleted_at is null as active,
      coalesce(b.open_until > now(), false) as held,
      coalesce(b.consecutive_failures, 0) as "consecutiveFailures"
    from hop h
    cross join lateral (select * from channel c where c.id = h.channel_id offset 0) c
    left join lateral (select * from channel_health b where b.channel_id = h.channel_id offset 0) b on true
    order by h.urgent desc, h.channel_id`,
};

/*
 * Takes the head of each line along index delivery_queue_waiting. A delivery
 * with a subject waits for the earlier open ones of the same subject (index
 * delivery_queue_subject); break-glass waits for none. However many wait for one
 * subject, no more than the window is read. Locks the rows it takes and passes
 * those that another worker is just taking. No row has the new lease's token yet, so
 * the coalesce says "lease_token is null" without an offer of the partial index.
 */
export const claim: Statement = {
  name: "claim",
  keepPlan: true,
  text: `
    with picked as materialized (
      select d.tid
      from unnest($1::uuid[], $2::boolean[], $3::int[]) as quota (channel_id, urgent, n)
      cross join lateral (
        select q.tid from (
          select w.delivery_id, w.seq from delivery_queue w
          where w.lease_token is null and w.urgent = quota.urgent and w.channel_id = quota.channel_id
          order by w.seq
          limit ${claimWindow}
        ) w cross join lateral (
          select q.ctid as tid from delivery_queue q
          where q.delivery_id = w.delivery_id and coalesce(q.lease_token, $4) = $4::uuid
            and q.not_before <= now() and (q.expires_at is null or q.expires_at > now())
            and (q.urgent or q.subject is null or not exists (
              select 1 from delivery_queue e
              where e.channel_id = q.channel_id and e.subject = q.subject and e.seq < q.seq))
          for update of q skip locked
        ) q
        order by w.seq
        limit quota.n
      ) d
    ), taken as (
      update delivery_queue q
      set attempts = q.attempts + 1, started_at = now(), lease_token = $4,
        lease_until = now() + $5 * interval '1 millisecond'
      where q.ctid = any (array(select tid from picked))
      returning q.*
    )
    select t.delivery_id as "deliveryId", t.tenant_id as "tenantId", t.channel_id as "channelId",
      t.event_id as "eventId", t.urgent, t.attempts as attempt, e.payload, e.payload_hash as "payloadHash", e.traceparent,
      e.received_at as "receivedAt", extract(epoch from t.expires_at - now())::float8 * 1000 as "expiresInMs", t.replayed, c.type as "channelType",
      concat_ws(' ', c.updated_at, s.updated_at) as "channelVersion"
    from taken t
    cross join lateral (select * from event e where e.id = t.event_id offset 0) e
    cross join lateral (select * from channel c where c.id = t.channel_id offset 0) c
    left join lateral (select * from tenant_settings s where s.tenant_id = t.tenant_id offset 0) s on true`,
};

/* Along index delivery_queue_leased: reads what is held anywhere, and is seldom needed. */
export const giveBack: Statement = {
  name: "give_back",
  text: `
    with taken as (
      select delivery_id, lease_token from delivery_queue where lease_token = any ($1::uuid[]) for update
    )
    update delivery_queue q
    set attempts = q.attempts - 1, lease_token = null, lease_until = null
    from taken t where q.delivery_id = t.delivery_id
    returning t.lease_token as "leaseToken"`,
};

/*
 * By primary key, fenced by the lease token. Counts only what may go out now, to the
 * channel and with the settings that the delivery was claimed for. May be repeated when
 * its answer was lost. Break-glass does not wait for the breaker. Rows are locked in the
 * order of the input, as in settling.
 */
export const begin: Statement = {
  name: "begin_attempts",
  keepPlan: true,
  text: `
    with held as materialized (
      select q.*, i.attempt, i.channel_version
      from unnest($1::uuid[], $2::uuid[], $3::int[], $4::text[]) as i (delivery_id, lease_token, attempt, channel_version)
      cross join lateral (
        select q.delivery_id, q.tenant_id, q.channel_id, q.urgent from delivery_queue q
        where q.delivery_id = i.delivery_id and q.lease_token is not distinct from i.lease_token
          and q.attempts in (i.attempt - 1, i.attempt)
        for update of q
      ) q
    ), gate as materialized (
      select h.delivery_id, h.attempt, c.enabled and c.deleted_at is null as active,
        concat_ws(' ', c.updated_at, s.updated_at) = h.channel_version as unchanged,
        case when h.urgent then 0
          else greatest(0, ceil(extract(epoch from coalesce(b.open_until, now()) - now()) * 1000))::int end as held_ms
      from held h
      cross join lateral (select * from channel c where c.id = h.channel_id offset 0) c
      left join lateral (select * from tenant_settings s where s.tenant_id = h.tenant_id offset 0) s on true
      left join lateral (select * from channel_health b where b.channel_id = h.channel_id offset 0) b on true
    ), counted as (
      update delivery_queue q
      set attempts = case when g.active and g.unchanged and g.held_ms = 0 then g.attempt else g.attempt - 1 end, started_at = now()
      from gate g
      where q.delivery_id = g.delivery_id and q.delivery_id = any (array(select delivery_id from gate))
    )
    select delivery_id as "deliveryId", active, unchanged, held_ms as "heldMs" from gate`,
};

/* By primary key. */
export const fates: Statement = {
  name: "delivery_fates",
  keepPlan: true,
  text: `
    select d.id, d.state, greatest(0, ceil(extract(epoch from q.not_before - now()) * 1000))::int as "forMs"
    from unnest($1::uuid[]) as i (id)
    cross join lateral (select d.id, d.state from delivery d where d.id = i.id offset 0) d
    left join lateral (select q.not_before from delivery_queue q where q.delivery_id = i.id offset 0) q on true`,
};

/*
 * By primary key, fenced by the lease token: a worker that lost its lease writes
 * nothing. Final states leave the queue; the attempts go to the log in the same
 * transaction. May be repeated when its answer was lost: what is logged stays. "is not
 * distinct from" says "=" without an offer of the partial index of leases. Rows that were
 * locked are found again by their key: by its ctid, a row would not be found of which a
 * renewal has made a new version in the meantime.
 */
export const settle: Statement = {
  name: "settle",
  keepPlan: true,
  text: `
    with input as (
      select * from unnest($1::uuid[], $2::uuid[], $3::text[], $4::int[], $5::uuid[], $6::int[],
        $7::timestamptz[], $8::int[], $9::text[], $10::int[], $11::text[], $12::text[], $13::int[], $14::text[])
        as t (delivery_id, lease_token, state, wait_ms, duplicate_of, number,
          started_at, duration_ms, outcome, status_code, response, error, unmade, request)
    ), held as materialized (
      select i.*, i.state not in ('delivering', 'pending') as final, q.tenant_id, q.channel_id, q.attempts
      from input i cross join lateral (
        select q.tenant_id, q.channel_id, q.attempts from delivery_queue q
        where q.delivery_id = i.delivery_id and q.lease_token is not distinct from i.lease_token
        for update of q
      ) q
    ), kept as (
      update delivery_queue q
      set attempts = q.attempts - h.unmade,
        not_before = now() + h.wait_ms * interval '1 millisecond',
        lease_token = case when h.state = 'delivering' then q.lease_token end,
        lease_until = case when h.state = 'delivering' then q.lease_until end
      from held h
      where q.delivery_id = h.delivery_id and q.delivery_id = any (array(select delivery_id from held where not final))
    ), done as (
      delete from delivery_queue q where q.delivery_id = any (array(select delivery_id from held where final))
    ), recorded as (
      update delivery d
      set state = case when r.final then r.state else d.state end,
        attempts = case when r.final then r.attempts - r.unmade else d.attempts end,
        last_error = coalesce(r.error, d.last_error),
        duplicate_of = r.duplicate_of,
        completed_at = case when r.final then now() end
      from (
        select h.*, d.tid as record_tid
        from held h cross join lateral (select d.ctid as tid from delivery d where d.id = h.delivery_id offset 0) d
        where h.final or h.error is not null
      ) r
      where d.ctid = r.record_tid
    ), unsent as (
      insert into delivery_unsent (delivery_id, tenant_id, channel_id, state)
      select delivery_id, tenant_id, channel_id, state from held where final and state <> 'delivered'
    ), changed as (
      insert into delivery_change (tenant_id, state, delivery_ids)
      select tenant_id, state, array_agg(delivery_id) from held group by tenant_id, state
    ), logged as (
      insert into attempt (delivery_id, number, tenant_id, started_at, duration_ms, outcome, status_code, response, error, request)
      select delivery_id, number, tenant_id, started_at, duration_ms, outcome, status_code, response, error, request
      from held where number is not null
      on conflict (delivery_id, number) do nothing
    )
    select delivery_id from held`,
};

/* By primary key, fenced by the lease token. Rows are locked in the order of the input, as in settling. */
export const renew: Statement = {
  name: "renew_leases",
  text: `
    with held as materialized (
      select q.delivery_id from unnest($1::uuid[], $2::uuid[]) as i (delivery_id, lease_token)
      cross join lateral (
        select q.delivery_id from delivery_queue q
        where q.delivery_id = i.delivery_id and q.lease_token is not distinct from i.lease_token
        for update of q
      ) q
    )
    update delivery_queue q
    set lease_until = now() + $3 * interval '1 millisecond'
    where q.delivery_id = any (array(select delivery_id from held))
    returning q.delivery_id`,
};

/*
 * Along index delivery_queue_leased. The attempt that was under way is logged as
 * interrupted: whether it was sent, nobody knows. The third one was the last.
 */
export const recover: Statement = {
  name: "recover_lost",
  text: `
    with lost as materialized (
      select delivery_id from delivery_queue
      where lease_token is not null and lease_until < now()
      order by lease_until limit $1
      for update skip locked
    ), again as (
      update delivery_queue q set lease_token = null, lease_until = null, not_before = now()
      from lost l where q.delivery_id = l.delivery_id and q.attempts < ${maxAttempts}
      returning q.delivery_id, q.tenant_id, q.channel_id, q.urgent, q.attempts, q.started_at, false as failed
    ), spent as (
      delete from delivery_queue q
      using lost l where q.delivery_id = l.delivery_id and q.attempts >= ${maxAttempts}
      returning q.delivery_id, q.tenant_id, q.channel_id, q.urgent, q.attempts, q.started_at, true as failed
    ), found as (
      select * from again union all select * from spent
    ), logged as (
      insert into attempt (delivery_id, number, tenant_id, started_at, duration_ms, outcome, error)
      select delivery_id, attempts, tenant_id, started_at,
        least(extract(epoch from now() - started_at) * 1000, 2147483647)::int, 'interrupted', 'the worker was lost during the attempt'
      from found
      on conflict (delivery_id, number) do nothing
    ), noted as (
      update delivery d
      set last_error = 'the worker was lost during the attempt',
        state = case when f.failed then 'failed' else d.state end,
        attempts = case when f.failed then f.attempts else d.attempts end,
        completed_at = case when f.failed then now() end
      from found f where d.id = f.delivery_id
    ), unsent as (
      insert into delivery_unsent (delivery_id, tenant_id, channel_id, state)
      select delivery_id, tenant_id, channel_id, 'failed' from spent
    ), changed as (
      insert into delivery_change (tenant_id, state, delivery_ids)
      select tenant_id, case when failed then 'failed' else 'pending' end, array_agg(delivery_id)
      from found group by tenant_id, failed
    )
    select delivery_id as "deliveryId", urgent, failed from found`,
};

/**
 * What follows `with found as (...)`, whose rows are locked: takes these deliveries
 * out of the queue and records that they ended without being sent, and why, where the state does not tell.
 */
export const endUnsent = (state: "expired" | "cancelled", why?: string): string => `gone as (
      delete from delivery_queue q using found f where q.delivery_id = f.delivery_id
      returning q.delivery_id, q.attempts, q.tenant_id, q.channel_id, q.urgent
    ), unsent as (
      insert into delivery_unsent (delivery_id, tenant_id, channel_id, state)
      select delivery_id, tenant_id, channel_id, '${state}' from gone
    ), changed as (
      insert into delivery_change (tenant_id, state, delivery_ids)
      select tenant_id, '${state}', array_agg(delivery_id) from gone group by tenant_id
    )
    update delivery d set state = '${state}', attempts = g.attempts, completed_at = now()${why ? `, last_error = '${why}'` : ""}
    from gone g where d.id = g.delivery_id
    returning d.id as "deliveryId", g.urgent`;

/* Along index delivery_queue_expiring. */
export const expire: Statement = {
  name: "expire_stale",
  text: `
    with found as materialized (
      select delivery_id from delivery_queue
      where lease_token is null and expires_at <= now()
      order by expires_at limit $1
      for update skip locked
    ), ${endUnsent("expired")}`,
};

/*
 * Along index delivery_queue_waiting, one line after the other. The channel is looked at
 * again: since it was found inactive it may have been enabled, and what came then is wanted.
 */
export const cancel: Statement = {
  name: "cancel_waiting",
  text: `
    with found as materialized (
      select delivery_id from delivery_queue
      where lease_token is null and urgent in (true, false) and channel_id = $1
        and exists (select from channel c where c.id = $1 and (not c.enabled or c.deleted_at is not null))
      limit $2
      for update skip locked
    ), ${endUnsent("cancelled")}`,
};
