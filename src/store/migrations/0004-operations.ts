/** What operators ask: the log by request and state, changes to watch, replays, statistics, auto-disable. */
export const operations = [
  `alter table event add column request_id text`,
  // json and not jsonb, which refuses a payload with \u0000 in it.
  // Nor does json give any text where a \u0000 is in another; no request_id has one.
  `update event set request_id = nullif(replace(payload, '\\u0000', '\\u0001')::json ->> 'request_id', '')`,
  // Serves the delivery log of a request. Events are never updated, deliveries are: so it stands here.
  `create index event_request on event (tenant_id, request_id, id) where request_id is not null`,
  // Serves finding what a channel has missed.
  `create index event_tenant on event (tenant_id, id)`,

  // Neither changes after the insert, so the update that completes a delivery stays HOT.
  `alter table delivery add column replay_id uuid, add column replay_of uuid`,
  `create index delivery_replay on delivery (replay_id, id) where replay_id is not null`,
  `create index delivery_replay_of on delivery (replay_of) where replay_of is not null`,
  // Serves the question that cannot wait, in a log that holds mostly other types.
  `create index delivery_break_glass on delivery (tenant_id, id) where event_type = 'request.break_glass'`,
  `alter table delivery_queue add column replayed boolean not null default false`,

  // What was sent, as JSON: see SentRequest.
  `alter table attempt add column request text`,

  // The deliveries that ended otherwise than delivered: few, so that they are found
  // among millions although no index of "delivery" may cover its state.
  `create table delivery_unsent (
    delivery_id uuid primary key,
    tenant_id uuid not null,
    channel_id uuid not null,
    state text not null check (state in ('failed', 'deduplicated', 'cancelled', 'expired'))
  )`,
  `create index delivery_unsent_tenant on delivery_unsent (tenant_id, state, delivery_id)`,
  `create index delivery_unsent_channel on delivery_unsent (channel_id, state, delivery_id)`,
  `insert into delivery_unsent (delivery_id, tenant_id, channel_id, state)
    select id, tenant_id, channel_id, state from delivery where state not in ('pending', 'delivered')`,

  // Changes of state, one row for all that one statement changed alike. Rows of
  // transactions that are still open are not seen yet and may have smaller numbers,
  // so readers go by transaction and stop before the oldest open one.
  `create table delivery_change (
    xid xid8 not null default pg_current_xact_id(),
    seq bigint generated always as identity,
    tenant_id uuid not null,
    state text not null,
    changed_at timestamptz not null default clock_timestamp(),
    delivery_ids uuid[] not null,
    primary key (xid, seq)
  )`,
  // Serves watching.
  `create index delivery_change_tenant on delivery_change (tenant_id, xid, seq)`,
  // Serves forgetting.
  `create index delivery_change_age on delivery_change using brin (changed_at)`,

  // How many deliveries ended how, and how long they took: "latency" is the index of
  // the histogram's bucket. Kept by the minute for two days, by the hour for good.
  `create table delivery_statistics (
    tenant_id uuid not null,
    width_seconds integer not null,
    starts_at timestamptz not null,
    channel_id uuid not null,
    event_type text not null,
    state text not null,
    latency smallint not null,
    count integer not null,
    primary key (tenant_id, width_seconds, starts_at, channel_id, event_type, state, latency)
  ) with (fillfactor = 70)`,
  `create index delivery_statistics_age on delivery_statistics (width_seconds, starts_at)`,
  // Up to which change they have been counted; one row.
  `create table statistics_progress (
    id integer primary key check (id = 1),
    xid xid8 not null,
    seq bigint not null
  )`,
  `insert into statistics_progress (id, xid, seq) values (1, '0', 0)`,

  `create table replay (
    id uuid primary key,
    tenant_id uuid not null,
    kind text not null check (kind in ('delivery', 'failed', 'missed')),
    state text not null check (state in ('running', 'completed', 'cancelled')),
    channel_id uuid not null,
    delivery_id uuid,
    since timestamptz not null,
    until timestamptz not null,
    total integer not null,
    created integer not null default 0,
    position uuid not null,
    created_at timestamptz not null,
    completed_at timestamptz
  )`,
  `create index replay_tenant on replay (tenant_id, id)`,
  // Serves finding what is still to be done.
  `create index replay_running on replay (id) where state = 'running'`,

  // Since when every attempt has failed, and what the service did about it.
  `alter table channel_health add column failing_since timestamptz`,
  `update channel_health set failing_since = last_failure_at where consecutive_failures > 0`,
  `alter table channel add column disabled_reason text, add column disabled_at timestamptz,
    add column disable_unannounced boolean not null default false`,
  `create index channel_unannounced on channel (id) where disable_unannounced`,

  `alter table audit_event drop constraint audit_event_action_check`,
  `alter table audit_event add constraint audit_event_action_check
    check (action in ('created', 'updated', 'deleted', 'revoked', 'tested', 'disabled', 'cancelled'))`,
  `alter table audit_event drop constraint audit_event_resource_type_check`,
  `alter table audit_event add constraint audit_event_resource_type_check
    check (resource_type in ('channel', 'api_key', 'tenant_settings', 'replay'))`,
];
