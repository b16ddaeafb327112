import type { FilterQuery } from "@mikro-orm/core";
import type { ChannelType } from "../channels/channel.ts";
import type { Database } from "./database.ts";
import { Attempt, type AttemptRow, Delivery, type DeliveryRow, type DeliveryState } from "./entities.ts";

/** One delivery as readers see it. */
export interface DeliveryRecord {
  id: string;
  eventId: string;
  eventType: string;
  channelId: string;
  channelType: ChannelType;
  state: DeliveryState;
  attempts: number;
  duplicateOf: string | null;
  lastError: string | null;
  createdAt: Date;
  /** While it is open: not attempted before this time. */
  nextAttemptAt: Date | undefined;
  completedAt: Date | null;
}

export interface DeliveryPage {
  /** List what is older than this id. */
  beforeId: string | undefined;
  limit: number;
  channelId: string | undefined;
  eventId: string | undefined;
  state: DeliveryState | undefined;
  eventType: string | undefined;
}

export type DeliveryLog = ReturnType<typeof createDeliveryLog>;

/** The deliveries of one tenant, and of no other: the tenant filter is bound here. */
export function createDeliveryLog(database: Database, tenantId: string) {
  function entityManager() {
    const em = database.orm.em.fork();
    em.setFilterParams("tenant", { tenantId });
    return em;
  }

  return {
    /** Newest first. */
    async list({
      beforeId,
      limit,
      state,
      channelId,
      eventId,
      eventType,
    }: DeliveryPage): Promise<DeliveryRecord[]> {
      const where = {
        ...(beforeId && { id: { $lt: beforeId } }),
        ...(channelId && { channel: channelId }),
        ...(eventId && { eventId }),
        ...(eventType && { eventType }),
        ...(state && stateCondition(state)),
      } as FilterQuery<DeliveryRow>;
      const options = { orderBy: { id: "desc" }, limit, populate: ["channel", "queue"] } as const;
      return (await entityManager().find(Delivery, where, options)).map(toRecord);
    },

    async get(id: string): Promise<{ delivery: DeliveryRecord; attempts: AttemptRow[] } | undefined> {
      const em = entityManager();
      const row = await em.findOne(Delivery, { id }, { populate: ["channel", "queue"] });
      if (!row) return undefined;
      const attempts = await em.find(Attempt, { deliveryId: id }, { orderBy: { number: "asc" } });
      return { delivery: toRecord(row), attempts };
    },
  };
}

/** Which of the open deliveries a worker holds is known to the queue alone. */
function stateCondition(state: DeliveryState) {
  if (state === "delivering") return { queue: { leaseUntil: { $ne: null } } };
  if (state === "pending") return { state, queue: { leaseUntil: null } };
  return { state };
}

function toRecord(row: DeliveryRow): DeliveryRecord {
  const { queue } = row;
  return {
    id: row.id,
    eventId: row.eventId,
    eventType: row.eventType,
    channelId: row.channel.id,
    channelType: row.channel.type,
    state: queue?.leaseUntil ? "delivering" : row.state,
    attempts: queue?.attempts ?? row.attempts,
    duplicateOf: row.duplicateOf ?? null,
    lastError: row.lastError ?? null,
    createdAt: row.createdAt,
    nextAttemptAt: queue?.notBefore,
    completedAt: row.completedAt ?? null,
  };
}
