/** Tenants, keys, channels, events, deliveries and attempts, with the indexes of the queue. */
export const initial = [
  `create table tenant (
    id uuid primary key,
    name text not null unique,
    created_at timestamptz not null default now()
  )`,

  `create table api_key (
    id uuid primary key,
    tenant_id uuid references tenant (id),
    name text not null,
    prefix text not null unique,
    hash text not null,
    scopes text[] not null,
    created_at timestamptz not null default now(),
    expires_at timestamptz,
    revoked_at timestamptz,
    last_used_at timestamptz
  )`,

  `create table channel (
    id uuid primary key,
    tenant_id uuid not null references tenant (id),
    type text not null check (type in ('slack_webhook', 'email', 'generic_webhook', 'aws_sns')),
    name text not null,
    config jsonb not null,
    enabled boolean not null,
    ordered boolean not null,
    event_filters text[] not null,
    created_at timestamptz not null,
    updated_at timestamptz not null,
    deleted_at timestamptz
  )`,
  // Serves listing and fan-out: the living channels of a tenant, oldest first.
  `create index channel_living on channel (tenant_id, id) where deleted_at is null`,

  // Apart from channel, since deliveries write it and people write that.
  `create table channel_health (
    channel_id uuid primary key references channel (id),
    tenant_id uuid not null references tenant (id),
    consecutive_failures integer not null default 0,
    last_error text,
    last_failure_at timestamptz,
    last_success_at timestamptz,
    open_until timestamptz
  )`,

  // No foreign keys from here on: rows are made by one statement that joins the
  // tenant's own channels, and a check of each of millions of rows is not free.
  `create table event (
    id uuid primary key,
    tenant_id uuid not null,
    type text not null,
    payload text not null,
    payload_hash text not null,
    idempotency_key text,
    received_at timestamptz not null
  )`,
  `create unique index event_idempotency_key on event (tenant_id, idempotency_key)
    where idempotency_key is not null`,

  // The record of what became of an event on a channel. It stays "pending" until
  // its final state; no index covers a column that then changes, so the one
  // update of a row is a HOT update, for which fillfactor leaves room.
  `create table delivery (
    id uuid primary key,
    tenant_id uuid not null,
    event_id uuid not null,
    channel_id uuid not null,
    event_type text not null,
    state text not null default 'pending' check (state in
      ('pending', 'delivered', 'failed', 'deduplicated', 'cancelled', 'expired')),
    attempts smallint not null default 0,
    last_error text,
    duplicate_of uuid,
    created_at timestamptz not null,
    completed_at timestamptz
  ) with (fillfactor = 80)`,
  // Serve the delivery log: newest first, of a tenant, a channel or an event.
  `create index delivery_tenant on delivery (tenant_id, id)`,
  `create index delivery_channel on delivery (channel_id, id)`,
  `create index delivery_event on delivery (event_id)`,

  // The open deliveries alone, so that the queue's size is the backlog's and not
  // the history's. A row leaves when its delivery reaches a final state.
  `create table delivery_queue (
    delivery_id uuid primary key,
    seq bigint generated always as identity,
    tenant_id uuid not null,
    channel_id uuid not null,
    event_id uuid not null,
    subject text,
    urgent boolean not null,
    attempts smallint not null default 0,
    not_before timestamptz not null,
    expires_at timestamptz,
    started_at timestamptz,
    lease_token uuid,
    lease_until timestamptz
  ) with (fillfactor = 80, autovacuum_vacuum_scale_factor = 0.02, autovacuum_vacuum_cost_delay = 0)`,
  // Serves claiming: hop from one waiting channel to the next, break-glass
  // first, then take the head of each channel's line.
  `create index delivery_queue_waiting on delivery_queue (urgent, channel_id, seq) where lease_token is null`,
  // Serves ordering: is there an earlier open delivery of the same request?
  `create index delivery_queue_subject on delivery_queue (channel_id, subject, seq) where subject is not null`,
  // Serves finding leases that ran out.
  `create index delivery_queue_leased on delivery_queue (lease_until) where lease_token is not null`,
  // Serves finding notices that became useless while they waited.
  `create index delivery_queue_expiring on delivery_queue (expires_at)
    where lease_token is null and expires_at is not null`,

  // UUIDv7 (RFC 9562, 5.7): a random UUID whose first 48 bits are the time in
  // milliseconds and whose version bits say 7.
  `create function uuid_v7() returns uuid language sql volatile as $$
    select encode(set_bit(set_bit(overlay(uuid_send(gen_random_uuid()) placing
      substring(int8send((extract(epoch from clock_timestamp()) * 1000)::bigint) from 3)
      from 1 for 6), 52, 1), 53, 1), 'hex')::uuid
  $$`,

  `create table attempt (
    delivery_id uuid not null,
    number smallint not null,
    tenant_id uuid not null,
    started_at timestamptz not null,
    duration_ms integer not null,
    outcome text not null check (outcome in ('delivered', 'retry', 'failed', 'interrupted')),
    status_code integer,
    response text,
    error text,
    primary key (delivery_id, number)
  )`,

  // Dedup keys of installations without Redis.
  `create table dedup_key (
    key text primary key,
    value text not null,
    expires_at timestamptz
  )`,
  `create index dedup_key_expires on dedup_key (expires_at)`,
];
