import canonicalize from "canonicalize";
import type { EventPayload } from "../events.ts";
import { uuidv7 } from "../uuid-v7.ts";
import type { Database } from "./database.ts";
import { type Ingest, type NewEvent, payloadHash } from "./ingest.ts";

export interface AutoDisableOptions {
  /** Failed attempts in a row; 0: channels are never disabled. */
  failures: number;
  /** For how long at least every attempt must have failed. */
  afterMs: number;
}

/** A channel that the service has disabled. */
export interface Disabled {
  channelId: string;
  tenantId: string;
  name: string;
  type: string;
  reason: string;
}

interface Unannounced extends Disabled {
  /** As the database writes it, to the microsecond. */
  disabledAt: string;
}

/**
 * Disables the channels whose endpoints have kept failing. Answers which; their
 * tenants are yet to be told, by `announceDisabled`.
 */
export async function disableFailing(
  database: Database,
  { failures, afterMs }: AutoDisableOptions,
): Promise<Disabled[]> {
  if (failures === 0) return [];
  const failing = await database.query(anyFailing, [failures]);
  return failing.length > 0 ? await database.query<Disabled>(disable, [failures, afterMs]) : [];
}

/**
 * Tells the tenant's other channels of those that were disabled, each once: the
 * idempotency key sees to it when a process is lost in between.
 */
export async function announceDisabled(database: Database, ingest: Pick<Ingest, "add">): Promise<number> {
  const channels = await database.query<Unannounced>(selectUnannounced);
  for (const channel of channels) {
    await ingest.add(noticeOf(channel));
    await database.query(setAnnounced, [channel.channelId, channel.disabledAt]);
  }
  return channels.length;
}

function noticeOf({ channelId, tenantId, name, type, reason, disabledAt }: Unannounced): NewEvent {
  const at = new Date(disabledAt).toISOString();
  const event: EventPayload = {
    type: "channel.disabled",
    occurred_at: at,
    resource_type: "notification_channel",
    resource_id: name,
    reason,
    attributes: { channel_id: channelId, channel_name: name, channel_type: type },
  };
  const payload = canonicalize(event);
  if (payload === undefined) throw new Error("A notice of a disabled channel has no canonical form");
  return {
    id: uuidv7(),
    tenantId,
    type: event.type,
    payload,
    payloadHash: payloadHash(payload),
    idempotencyKey: `channel.disabled ${channelId} ${at}`,
    requestId: undefined,
    subject: undefined,
    expiresAt: undefined,
    maxAgeMs: undefined,
  };
}

/* Spares planning the next one where all is well. */
const anyFailing = {
  name: "any_failing",
  text: "select 1 from channel_health where consecutive_failures >= $1 limit 1",
};

/*
 * Reads all of channel_health, which has one row a channel; writes the channel and
 * its entry in the audit trail together. What waits is cancelled by the workers.
 */
const disable = {
  name: "disable_failing",
  text: `
    with failing as materialized (
      select c.id, h.consecutive_failures || ' attempts in a row have failed since '
        || to_char(h.failing_since at time zone 'UTC', 'YYYY-MM-DD HH24:MI') || ' UTC; the last error: '
        || coalesce(h.last_error, 'unknown') as reason
      from channel_health h join channel c on c.id = h.channel_id
      where h.consecutive_failures >= $1 and h.failing_since <= now() - $2::float8 * interval '1 millisecond'
        and c.enabled and c.deleted_at is null
      limit 100
      for update of c, h skip locked
    ), disabled as (
      update channel c
      set enabled = false, disabled_reason = f.reason, disabled_at = now(), disable_unannounced = true,
        updated_at = greatest(now(), c.updated_at + interval '1 millisecond')
      from failing f where c.id = f.id
      returning c.id, c.tenant_id, c.name, c.type, f.reason
    ), audited as (
      insert into audit_event (id, tenant_id, occurred_at, actor_type, action, resource_type, resource_id, fields)
      select uuid_v7(), tenant_id, now(), 'service', 'disabled', 'channel', id, array['enabled'] from disabled
    )
    select id as "channelId", tenant_id as "tenantId", name, type, reason from disabled`,
};

/* Along index channel_unannounced. */
const selectUnannounced = {
  name: "select_unannounced",
  text: `select id as "channelId", tenant_id as "tenantId", name, type, disabled_reason as reason, disabled_at::text as "disabledAt"
    from channel where disable_unannounced and disabled_at is not null limit 100`,
};

/* Not where it was enabled and disabled once more meanwhile: that is yet to be told. */
const setAnnounced = {
  name: "set_announced",
  text: "update channel set disable_unannounced = false where id = $1 and disabled_at = $2::timestamptz",
};
