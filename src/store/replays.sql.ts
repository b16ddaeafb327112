import type { Statement } from "./database.ts";
import { endUnsent } from "./delivery-queue.sql.ts";
import { deliveryTopic } from "./ingest.sql.ts";

const columns = `r.id, r.kind, r.state, r.channel_id as "channelId", r.delivery_id as "deliveryId", r.since, r.until,
  r.total, r.created, r.created_at as "createdAt", r.completed_at as "completedAt",
  coalesce((select jsonb_object_agg(s.state, s.n) from (
    select case when q.lease_until is not null then 'delivering' else d.state end as state, count(*)::int as n
    from delivery d left join delivery_queue q on q.delivery_id = d.id
    where d.replay_id = r.id group by 1) s), '{}') as states`;

/* By primary key; the states along index delivery_replay. */
export const selectOne: Statement = {
  name: "select_replay",
  text: `select ${columns} from replay r where r.tenant_id = $1 and r.id = $2`,
};

/* Along index replay_tenant; the states along delivery_replay. */
export const selectPage: Statement = {
  name: "select_replays",
  text: `
    select ${columns} from replay r
    where r.tenant_id = $1 and r.id < coalesce($2::uuid, 'ffffffff-ffff-ffff-ffff-ffffffffffff')
    order by r.id desc limit $3`,
};

export const selectChannel: Statement = {
  name: "select_replay_channel",
  text: "select enabled from channel where tenant_id = $1 and id = $2 and deleted_at is null",
};

export const selectSource: Statement = {
  name: "select_replay_source",
  text: `select channel_id as "channelId", created_at as "createdAt", state = 'pending' as open
    from delivery where tenant_id = $1 and id = $2`,
};

/**
 * What follows `with changed as (... returning id, tenant_id)`, so that there is no change
 * without its entry: who makes it is told by the parameters 1 to 4 (see `actorParams`).
 */
const audited = (action: "created" | "cancelled") => `
    insert into audit_event (id, tenant_id, occurred_at, actor_type, actor_id, client_address, request_id,
      action, resource_type, resource_id, fields)
    select uuid_v7(), tenant_id, now(), $1::text, $2::uuid, $3::text, $4::text, '${action}', 'replay', id, '{}' from changed
    returning resource_id as id`;

/*
 * No row where one like it runs already (index replay_of_channel_running): each finds what to
 * send by what the other has committed, so together they would send all of it twice.
 */
export const insert: Statement = {
  name: "insert_replay",
  text: `
    with changed as (
      insert into replay (id, tenant_id, kind, state, channel_id, delivery_id, since, until, total, position, created_at)
      values ($5, $6, $7, 'running', $8, $9, $10, $11, $12, $13, now())
      on conflict (channel_id, kind) where state = 'running' and kind <> 'delivery' do nothing
      returning id, tenant_id
    ) ${audited("created")}`,
};

/** Why a delivery was cancelled that somebody did not want replayed; the others were cancelled with their channel. */
const unwanted = "its replay was cancelled";

/**
 * Whether a delivery has come to something. What waited when its channel was disabled has
 * not: the channel has missed it as much as what came while it was disabled.
 */
const counts = (d: string) =>
  `(${d}.state <> 'cancelled' or ${d}.replay_id is not null and ${d}.last_error = '${unwanted}')`;

/* Along index delivery_unsent_channel, then by primary key and index delivery_replay_of. */
const failed = (tenant: string, channel: string, since: string, until: string) => `
  delivery_unsent u join delivery d on d.id = u.delivery_id
  where u.channel_id = ${channel} and u.state = 'failed' and d.tenant_id = ${tenant}
    and d.created_at >= ${since} and d.created_at < ${until}
    and not exists (select 1 from delivery a where a.replay_of = d.id and ${counts("a")})`;

/* Along index event_tenant, then delivery_event: an event has few deliveries. */
const missed = (tenant: string, channel: string, since: string, until: string) => `
  event e join channel w on w.id = ${channel} and (w.event_filters = '{}' or e.type = any (w.event_filters))
  where e.tenant_id = ${tenant} and e.received_at >= ${since} and e.received_at < ${until}
    and not exists (select 1 from delivery a where a.event_id = e.id and a.channel_id = ${channel} and ${counts("a")})`;

export const countFailed: Statement = {
  name: "count_replay_failed",
  text: `select count(*)::int as total from (
    select 1 from ${failed("$1::uuid", "$2::uuid", "$4::timestamptz", "$5::timestamptz")} and u.delivery_id >= $3 limit $6) n`,
};

export const countMissed: Statement = {
  name: "count_replay_missed",
  text: `select count(*)::int as total from (
    select 1 from ${missed("$1::uuid", "$2::uuid", "$4::timestamptz", "$5::timestamptz")}
      and e.id >= $3::uuid limit $6) n`,
};

/* Along index replay_running. */
export const running: Statement = {
  name: "select_running_replays",
  text: "select id from replay where state = 'running' order by id limit 100",
};

/*
 * The next batch of a running replay that no other process is at (primary key): finds
 * its sources after the position that was reached, makes their deliveries and moves the
 * position, all in one transaction. Locks the replay's row. A replay whose channel is
 * gone or disabled ends as cancelled. PostgreSQL reads no text from JSON that has a
 * \u0000 anywhere in it, which no id can have.
 */
export const advance: Statement = {
  name: "advance_replay",
  text: `
    with r as materialized (
      select r.*, c.enabled and c.deleted_at is null as active, c.ordered
      from replay r join channel c on c.id = r.channel_id
      where r.id = $2 and r.state = 'running'
      for update of r skip locked
    ), source as materialized (
      select x.* from r cross join lateral (
        (select d.event_id, d.id as of_id, d.id as key from delivery d
          where r.kind = 'delivery' and d.id = r.delivery_id and r.created = 0)
        union all
        (select d.event_id, d.id, d.id from ${failed("r.tenant_id", "r.channel_id", "r.since", "r.until")}
          and r.kind = 'failed' and u.delivery_id > r.position order by u.delivery_id limit $1)
        union all
        (select e.id, null::uuid, e.id from ${missed("r.tenant_id", "r.channel_id", "r.since", "r.until")}
          and r.kind = 'missed' and e.id > r.position order by e.id limit $1)
      ) x where r.active
    ), made as materialized (
      select uuid_v7() as delivery_id, r.tenant_id, r.channel_id, r.ordered, r.id as replay_id, s.of_id, s.key,
        e.id as event_id, e.type, coalesce(e.request_id, nullif(replace(e.payload, '\\u0000', '\\u0001')::json ->> 'grant_id', '')) as subject
      from r cross join source s join event e on e.id = s.event_id
    ), recorded as (
      insert into delivery (id, tenant_id, event_id, channel_id, event_type, created_at, replay_id, replay_of)
      select delivery_id, tenant_id, event_id, channel_id, type, now(), replay_id, of_id from made
    ), queued as (
      insert into delivery_queue (delivery_id, tenant_id, channel_id, event_id, subject, urgent, not_before, replayed)
      select delivery_id, tenant_id, channel_id, event_id, case when ordered then subject end,
        type = 'request.break_glass', now(), true
      from made order by key
    ), changed as (
      insert into delivery_change (tenant_id, state, delivery_ids)
      select tenant_id, 'pending', array_agg(delivery_id order by key) from made group by tenant_id
    ), counted as (
      select count(*)::int as n, (select key from source order by key desc limit 1) as last from source
    )
    update replay p
    set created = p.created + n.n, position = coalesce(n.last, p.position),
      state = case when not r.active then 'cancelled' when n.n < $1 then 'completed' else 'running' end,
      completed_at = case when not r.active or n.n < $1 then now() end
    from r cross join counted n
    where p.id = r.id
    returning n.n as created, case when n.n > 0 then pg_notify('${deliveryTopic}', '') end`,
};

export const stop: Statement = {
  name: "stop_replay",
  text: `
    with changed as (
      update replay set state = case when state = 'running' then 'cancelled' else state end,
        completed_at = coalesce(completed_at, now())
      where tenant_id = $5 and id = $6
      returning id, tenant_id
    ) ${audited("cancelled")}`,
};

/* Along index delivery_replay, then the queue's primary key; locks the rows that it takes. */
export const cancelWaiting: Statement = {
  name: "cancel_replayed",
  text: `
    with found as materialized (
      select q.delivery_id from delivery d join delivery_queue q on q.delivery_id = d.id
      where d.tenant_id = $1 and d.replay_id = $2 and q.lease_token is null
      limit $3
      for update of q skip locked
    ), ${endUnsent("cancelled", unwanted)}`,
};

/* A sequential scan of a small table; deliveries keep the ids of replays that are gone. */
export const removeOld: Statement = {
  name: "remove_old_replays",
  text: `delete from replay where state <> 'running' and created_at < now() - $1::float8 * interval '1 millisecond'`,
};
