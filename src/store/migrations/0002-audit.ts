/** The audit trail, and a rate limit of its own for each key that needs one. */
export const audit = [
  // No foreign keys: the trail outlives what it tells of.
  `create table audit_event (
    id uuid primary key,
    tenant_id uuid,
    occurred_at timestamptz not null,
    actor_type text not null check (actor_type in ('api_key', 'operator_key', 'cli', 'service')),
    actor_id uuid,
    action text not null check (action in ('created', 'updated', 'deleted', 'revoked')),
    resource_type text not null check (resource_type in ('channel', 'api_key')),
    resource_id uuid not null,
    fields text[] not null,
    client_address text,
    request_id text
  )`,
  // Serve listing, newest first: all of a tenant, and one resource of it.
  `create index audit_event_tenant on audit_event (tenant_id, id)`,
  `create index audit_event_resource on audit_event (tenant_id, resource_id, id)`,

  // Calls a second; null: what the service allows every key. 0: no limit.
  `alter table api_key add column rate_limit_per_second integer check (rate_limit_per_second >= 0)`,
];
