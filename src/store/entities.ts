import { defineEntity, type InferEntity, p } from "@mikro-orm/core";
import type { ChannelType } from "../channels/channel.ts";
import type { NoticeType } from "../events.ts";
import type { Database } from "./database.ts";

/**
 * Every entity that belongs to a tenant carries this filter. It is always on and
 * has no default, so a query that does not say whose rows it wants fails instead
 * of reading everybody's.
 */
const tenantFilter = {
  tenant: {
    name: "tenant",
    args: true,
    default: true,
    cond: (args: { tenantId?: string }) => ({ tenantId: args.tenantId }),
  },
};

/** An entity manager that sees the rows of one tenant, and of no other. */
export function entitiesOf(database: Database, tenantId: string) {
  const em = database.orm.em.fork();
  em.setFilterParams("tenant", { tenantId });
  return em;
}

export const Tenant = defineEntity({
  name: "Tenant",
  tableName: "tenant",
  properties: {
    id: p.uuid().primary(),
    name: p.text().unique(),
    createdAt: p.datetime(),
  },
});

export const ApiKey = defineEntity({
  name: "ApiKey",
  tableName: "api_key",
  properties: {
    id: p.uuid().primary(),
    /** Null: an operator key, good for all tenants. */
    tenantId: p.uuid().nullable(),
    name: p.text(),
    /** The part of the key that finds its row; not secret. */
    prefix: p.text().unique(),
    /** SHA-256 of the whole key, in hex. */
    hash: p.text(),
    scopes: p.array(),
    createdAt: p.datetime(),
    expiresAt: p.datetime().nullable(),
    revokedAt: p.datetime().nullable(),
    lastUsedAt: p.datetime().nullable(),
    /** Calls a second; null: what the service allows every key; 0: no limit. */
    rateLimitPerSecond: p.integer().nullable(),
  },
});

export const Channel = defineEntity({
  name: "Channel",
  tableName: "channel",
  filters: tenantFilter,
  properties: {
    id: p.uuid().primary(),
    tenantId: p.uuid(),
    type: p.text().$type<ChannelType>(),
    name: p.text(),
    /** The channel's config with its secrets sealed (see secret-box.ts). */
    config: p.json<Record<string, unknown>>(),
    enabled: p.boolean(),
    ordered: p.boolean(),
    eventFilters: p.array(),
    createdAt: p.datetime(),
    updatedAt: p.datetime(),
    /** Deleted channels stay for the delivery log, without their config. */
    deletedAt: p.datetime().nullable(),
    /** Why and when the service itself disabled it; null: it did not. */
    disabledReason: p.text().nullable(),
    disabledAt: p.datetime().nullable(),
  },
});

export const ChannelHealth = defineEntity({
  name: "ChannelHealth",
  tableName: "channel_health",
  filters: tenantFilter,
  properties: {
    channelId: p.uuid().primary(),
    tenantId: p.uuid(),
    consecutiveFailures: p.integer(),
    lastError: p.text().nullable(),
    lastFailureAt: p.datetime().nullable(),
    lastSuccessAt: p.datetime().nullable(),
    openUntil: p.datetime().nullable(),
    /** When the first of the failures in a row was; null: the last attempt succeeded. */
    failingSince: p.datetime().nullable(),
  },
});

export const Event = defineEntity({
  name: "Event",
  tableName: "event",
  filters: tenantFilter,
  properties: {
    id: p.uuid().primary(),
    tenantId: p.uuid(),
    type: p.text().$type<NoticeType>(),
    /** The JSON of an EventPayload, canonical (RFC 8785). */
    payload: p.text(),
    /** SHA-256 of `payload`, in hex. */
    payloadHash: p.text(),
    idempotencyKey: p.text().nullable(),
    requestId: p.text().nullable(),
    /** Where the trace of its deliveries goes on (W3C Trace Context). */
    traceparent: p.text().nullable(),
    receivedAt: p.datetime(),
  },
});

/** An open delivery is "delivering" while a worker holds it. */
export type DeliveryState =
  | "pending"
  | "delivering"
  | "delivered"
  | "failed"
  | "deduplicated"
  | "cancelled"
  | "expired";

export const Attempt = defineEntity({
  name: "Attempt",
  tableName: "attempt",
  filters: tenantFilter,
  properties: {
    deliveryId: p.uuid().primary(),
    number: p.smallint().primary(),
    tenantId: p.uuid(),
    startedAt: p.datetime(),
    durationMs: p.integer(),
    outcome: p.text().$type<"delivered" | "retry" | "failed" | "interrupted">(),
    statusCode: p.integer().nullable(),
    response: p.text().nullable(),
    error: p.text().nullable(),
    /** The JSON of a SentRequest; null: no request was made, or nobody knows. */
    request: p.text().nullable(),
  },
});

/** Who changed what. Rows are only ever added. */
export const AuditEvent = defineEntity({
  name: "AuditEvent",
  tableName: "audit_event",
  filters: tenantFilter,
  properties: {
    id: p.uuid().primary(),
    /** Null: about an operator key, which belongs to no tenant. */
    tenantId: p.uuid().nullable(),
    occurredAt: p.datetime(),
    actorType: p.text().$type<"api_key" | "operator_key" | "cli" | "service">(),
    /** The id of the key that made the change, where there was one. */
    actorId: p.uuid().nullable(),
    action: p
      .text()
      .$type<"created" | "updated" | "deleted" | "revoked" | "tested" | "disabled" | "cancelled">(),
    resourceType: p.text().$type<"channel" | "api_key" | "tenant_settings" | "replay">(),
    resourceId: p.uuid(),
    /** Names of the fields that got a value or another one. */
    fields: p.array(),
    clientAddress: p.text().nullable(),
    requestId: p.text().nullable(),
  },
});

/** How a tenant wants its notices to look; null: the default. */
export const TenantSettings = defineEntity({
  name: "TenantSettings",
  tableName: "tenant_settings",
  filters: tenantFilter,
  properties: {
    tenantId: p.uuid().primary(),
    timeZone: p.text().nullable(),
    productName: p.text().nullable(),
    logoUrl: p.text().nullable(),
    linkBaseUrl: p.text().nullable(),
    updatedAt: p.datetime(),
  },
});

export type ChannelRow = InferEntity<typeof Channel>;
export type ChannelHealthRow = InferEntity<typeof ChannelHealth>;
export type EventRow = InferEntity<typeof Event>;
export type AttemptRow = InferEntity<typeof Attempt>;
export type ApiKeyRow = InferEntity<typeof ApiKey>;
export type TenantRow = InferEntity<typeof Tenant>;
export type AuditEventRow = InferEntity<typeof AuditEvent>;
export type TenantSettingsRow = InferEntity<typeof TenantSettings>;

export const entities = [Tenant, ApiKey, Channel, ChannelHealth, Event, Attempt, AuditEvent, TenantSettings];
