/** What tenants set about the look of their notices, and its place in the audit trail. */
export const tenantSettings = [
  // A tenant without a row, and a null, have the defaults.
  `create table tenant_settings (
    tenant_id uuid primary key references tenant (id),
    time_zone text,
    product_name text,
    logo_url text,
    link_base_url text,
    updated_at timestamptz not null
  )`,

  `alter table audit_event drop constraint audit_event_resource_type_check`,
  `alter table audit_event add constraint audit_event_resource_type_check
    check (resource_type in ('channel', 'api_key', 'tenant_settings'))`,
];
