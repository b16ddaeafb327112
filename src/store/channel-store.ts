import { type EntityManager, LockMode } from "@mikro-orm/core";
import type { ChannelType } from "../channels/channel.ts";
import { uuidv7 } from "../uuid-v7.ts";
import { type Actor, type AuditEntry, recordChange } from "./audit.ts";
import { changedFields } from "./changed-fields.ts";
import { type ConfigObject, openConfig, sealConfig } from "./channel-secrets.ts";
import type { Database } from "./database.ts";
import { Channel, ChannelHealth, type ChannelHealthRow, type ChannelRow, entitiesOf } from "./entities.ts";
import { deliveryTopic } from "./ingest.sql.ts";
import { laterThan } from "./later-than.ts";
import type { SecretBox } from "./secret-box.ts";

/** A channel with its config in clear text and what is known of its endpoint's health. */
export interface StoredChannel extends Omit<ChannelRow, "config"> {
  config: ConfigObject;
  health: ChannelHealthRow | undefined;
}

/** What a caller decides about a channel. */
export interface ChannelSettings {
  name: string;
  config: ConfigObject;
  enabled: boolean;
  ordered: boolean;
  eventFilters: string[];
}

export interface CreateConditions {
  /** Only where no channel of the tenant has this name. */
  uniqueName: boolean;
  /** How many channels the tenant may have. */
  maxChannels: number;
}

export type CreateRefusal = "name_taken" | "no_room";

export interface ChannelPage {
  /** List what comes after this id. */
  afterId: string | undefined;
  limit: number;
  type: ChannelType | undefined;
}

export type ChannelStore = ReturnType<typeof createChannelStore>;

/** The channels of one tenant, and of no other. */
export function createChannelStore(database: Database, box: SecretBox, tenantId: string) {
  const entityManager = () => entitiesOf(database, tenantId);

  function opened(row: ChannelRow, health: ChannelHealthRow | null | undefined): StoredChannel {
    return {
      ...row,
      config: openConfig(box, row.id, row.type, row.config),
      health: health ?? undefined,
    };
  }

  return {
    /** Makes a channel, or answers why it has made none. */
    async create(
      type: ChannelType,
      settings: ChannelSettings,
      by: Actor,
      { uniqueName, maxChannels }: CreateConditions,
    ): Promise<StoredChannel | CreateRefusal> {
      const now = new Date();
      const id = uuidv7();
      const row = {
        ...settings,
        id,
        tenantId,
        type,
        config: sealConfig(box, id, type, settings.config),
        createdAt: now,
        updatedAt: now,
        deletedAt: null,
        disabledReason: null,
        disabledAt: null,
      };
      const refusal = await entityManager().transactional(async (em): Promise<CreateRefusal | undefined> => {
        // One at a time, or all that come at once would find room. Events do not wait for this lock.
        await em.execute("select from tenant where id = ? for no key update", [tenantId]);
        const { name } = settings;
        if (uniqueName && (await em.count(Channel, { name, deletedAt: null })) > 0) return "name_taken";
        if ((await em.count(Channel, { deletedAt: null })) >= maxChannels) return "no_room";
        await em.insert(Channel, row);
        await record(em, by, "created", id, changedFields(undefined, settings));
        return undefined;
      });
      return refusal ?? opened(row, undefined);
    },

    async get(id: string): Promise<StoredChannel | undefined> {
      const em = entityManager();
      const row = await em.findOne(Channel, { id, deletedAt: null });
      return row ? opened(row, await em.findOne(ChannelHealth, { channelId: id })) : undefined;
    },

    /** Oldest first. */
    async list({ afterId, limit, type }: ChannelPage): Promise<StoredChannel[]> {
      const em = entityManager();
      const where = { deletedAt: null, ...(afterId && { id: { $gt: afterId } }), ...(type && { type }) };
      const rows = await em.find(Channel, where, { orderBy: { id: "asc" }, limit });
      const healths = await em.find(ChannelHealth, { channelId: { $in: rows.map(({ id }) => id) } });
      const byChannel = new Map(healths.map((health) => [health.channelId, health]));
      return rows.map((row) => opened(row, byChannel.get(row.id)));
    },

    /**
     * Changes what `change` returns, under a lock, so that two updates do not undo each other.
     * Answers undefined when there is no such channel. Waiting deliveries of a
     * channel that became disabled are cancelled by the workers.
     */
    async update(
      id: string,
      change: (current: StoredChannel) => ChannelSettings,
      by: Actor,
    ): Promise<StoredChannel | undefined> {
      const em = entityManager();
      const updated = await em.transactional(async (em) => {
        const row = await locked(em, id);
        if (!row) return undefined;
        const current = opened(row, undefined);
        const next = change(current);
        const fields = changedFields(current, next);
        if (fields.length > 0) await record(em, by, "updated", id, fields);
        const enabledAgain = next.enabled && !current.enabled;
        if (enabledAgain) await em.nativeUpdate(ChannelHealth, { channelId: id }, freshHealth);
        em.assign(row, {
          ...next,
          ...(enabledAgain && { disabledReason: null, disabledAt: null }),
          config: sealConfig(box, id, row.type, next.config),
          updatedAt: laterThan(row.updatedAt),
        });
        return row;
      });
      await database.query(notifyWorkers);
      return updated && opened(updated, await entityManager().findOne(ChannelHealth, { channelId: id }));
    },

    /** Writes into the audit trail that somebody has sent a test. */
    async recordTest(id: string, by: Actor): Promise<void> {
      await record(entityManager(), by, "tested", id, []);
    },

    /** Answers false when there is no such channel. Its secrets are gone at once. */
    async delete(id: string, by: Actor): Promise<boolean> {
      const deleted = await entityManager().transactional(async (em) => {
        const row = await locked(em, id);
        if (!row) return false;
        const updatedAt = laterThan(row.updatedAt);
        em.assign(row, { deletedAt: updatedAt, updatedAt, enabled: false, config: {} });
        await record(em, by, "deleted", id, []);
        return true;
      });
      await database.query(notifyWorkers);
      return deleted;
    },
  };

  /** A living channel, which nobody else changes until the transaction of `em` has ended. */
  function locked(em: EntityManager, id: string): Promise<ChannelRow | null> {
    return em.findOne(Channel, { id, deletedAt: null }, { lockMode: LockMode.PESSIMISTIC_WRITE });
  }

  function record(
    em: EntityManager,
    by: Actor,
    action: AuditEntry["action"],
    resourceId: string,
    fields: string[],
  ): Promise<void> {
    return recordChange(em, tenantId, by, { action, resourceType: "channel", resourceId, fields });
  }
}

/** What was known of the endpoint is about the time before. */
const freshHealth = { consecutiveFailures: 0, failingSince: null, openUntil: null };

const notifyWorkers = { name: "notify_workers", text: `select pg_notify('${deliveryTopic}', '')` };
