import type { Channel, SentRequest } from "../channels/channel.ts";
import type { Database } from "./database.ts";
import * as sql from "./delivery-queue.sql.ts";

/** A channel with waiting deliveries, as far as scheduling needs to know it. */
export interface WaitingChannel {
  channelId: string;
  tenantId: string;
  type: Channel["type"];
  /** Whether it is about the channel's break-glass deliveries or about the others. */
  urgent: boolean;
  /** False: disabled or deleted, its deliveries are to be cancelled. */
  active: boolean;
  /** The circuit breaker holds deliveries back for now. */
  held: boolean;
  /** Failed attempts since the last success. */
  consecutiveFailures: number;
}

/** How many deliveries of a channel's urgent or normal line a worker can start now. */
export interface Quota {
  channelId: string;
  urgent: boolean;
  count: number;
}

/** A delivery that this worker holds, its next attempt already counted. */
export interface Claimed {
  deliveryId: string;
  tenantId: string;
  channelId: string;
  eventId: string;
  urgent: boolean;
  /** Number of the attempt that the claim began: 1 to 3. */
  attempt: number;
  payload: string;
  payloadHash: string;
  /** Where the event's trace goes on: a W3C `traceparent`. */
  traceparent: string | null;
  receivedAt: Date;
  /** When the notice becomes useless, by this process's monotonic clock (`performance.now()`), whatever its wall clock says. */
  expiresAtMs: number | undefined;
  /** Sent again on purpose, whether or not an equal notice was sent. */
  replayed: boolean;
  channelType: Channel["type"];
  /** Says which version of the channel's config and of the tenant's settings is current. */
  channelVersion: string;
}

/** An attempt that was made, for the log. */
export interface AttemptRecord {
  number: number;
  startedAt: Date;
  durationMs: number;
  outcome: "delivered" | "retry" | "failed";
  statusCode: number | undefined;
  response: string | undefined;
  error: string | undefined;
  /** Undefined: it did not come to a request. */
  request: SentRequest | undefined;
}

/**
 * The result of holding a delivery. "delivering": another attempt follows in
 * `waitMs`, under the same lease. "pending": handed back for anyone to claim in
 * `waitMs`.
 */
export interface Settlement {
  deliveryId: string;
  leaseToken: string;
  state: "delivering" | "pending" | "delivered" | "failed" | "deduplicated" | "cancelled" | "expired";
  waitMs?: number;
  duplicateOf?: string;
  attempt?: AttemptRecord;
  /** True: an attempt was counted but not made, so it is taken off the count. */
  unmade?: boolean;
}

/** An attempt of a held delivery that is to be counted. */
export interface NextAttempt {
  deliveryId: string;
  leaseToken: string;
  attempt: number;
  /** The version that the delivery was claimed for. */
  channelVersion: string;
}

export type Beginning =
  | { kind: "begun" }
  /** The lease is another worker's. */
  | { kind: "lost" }
  /** The channel was disabled or deleted meanwhile. */
  | { kind: "inactive" }
  /** The channel or the tenant's settings were changed: to be claimed anew. */
  | { kind: "changed" }
  /** The channel's circuit breaker is open for so long. */
  | { kind: "held"; forMs: number };

export type Fate =
  | { kind: "sent" }
  /** It ended otherwise, or is gone: another delivery may send the notice. */
  | { kind: "unsent" }
  /** It is on its way, or will be in so long. */
  | { kind: "open"; forMs: number };

/** A delivery that ended while it waited, without a worker that held it. */
interface Swept {
  deliveryId: string;
  urgent: boolean;
}

export type DeliveryQueue = ReturnType<typeof createDeliveryQueue>;

/** The worker's side of the queue. It sees all tenants; nothing that answers a caller may use it. */
export function createDeliveryQueue(database: Database) {
  return {
    /**
     * Up to `limit` channels with waiting break-glass deliveries and as many with
     * others, each kind from the id after its own in `after` on; break-glass first.
     */
    async waitingChannels(
      after: { urgent: string; normal: string },
      limit: number,
    ): Promise<WaitingChannel[]> {
      return await database.query<WaitingChannel>(sql.waitingChannels, [after.urgent, after.normal, limit]);
    },

    /**
     * Takes deliveries under a lease of `leaseMs` and counts their next attempt.
     * A claim is the start of an attempt: it survives a crash, so that nothing is
     * attempted more than three times.
     */
    async claim(quotas: Quota[], leaseToken: string, leaseMs: number): Promise<Claimed[]> {
      const rows = await database.query<Claimed & { receivedAt: string; expiresInMs: number | null }>(
        sql.claim,
        [
          quotas.map(({ channelId }) => channelId),
          quotas.map(({ urgent }) => urgent),
          quotas.map(({ count }) => count),
          leaseToken,
          leaseMs,
        ],
      );
      return rows.map(({ expiresInMs, ...row }) => ({
        ...row,
        receivedAt: new Date(row.receivedAt),
        expiresAtMs: expiresInMs === null ? undefined : performance.now() + expiresInMs,
      }));
    },

    /** Undoes what claims with these tokens took, when their answers never came. Answers the tokens that had taken something. */
    async giveBack(leaseTokens: string[]): Promise<Set<string>> {
      const rows = await database.query<{ leaseToken: string }>(sql.giveBack, [leaseTokens]);
      return new Set(rows.map((row) => row.leaseToken));
    },

    /** Counts next attempts of held deliveries, each unless there is a reason against it; answers in order. */
    async begin(all: NextAttempt[]): Promise<Beginning[]> {
      const nexts = all.toSorted(byDeliveryId);
      const rows = await database.query<{
        deliveryId: string;
        active: boolean;
        unchanged: boolean;
        heldMs: number;
      }>(sql.begin, [
        nexts.map(({ deliveryId }) => deliveryId),
        nexts.map(({ leaseToken }) => leaseToken),
        nexts.map(({ attempt }) => attempt),
        nexts.map(({ channelVersion }) => channelVersion),
      ]);
      const found = new Map(rows.map((row) => [row.deliveryId, row]));
      return all.map(({ deliveryId }) => {
        const row = found.get(deliveryId);
        if (!row) return { kind: "lost" };
        if (!row.active) return { kind: "inactive" };
        if (!row.unchanged) return { kind: "changed" };
        return row.heldMs > 0 ? { kind: "held", forMs: row.heldMs } : { kind: "begun" };
      });
    },

    /** Writes results, each only if its lease still holds. Answers whether it did, in order. */
    async settle(all: Settlement[]): Promise<boolean[]> {
      const settlements = all.toSorted(byDeliveryId);
      const rows = await database.query<{ delivery_id: string }>(sql.settle, [
        settlements.map(({ deliveryId }) => deliveryId),
        settlements.map(({ leaseToken }) => leaseToken),
        settlements.map(({ state }) => state),
        settlements.map(({ waitMs }) => Math.ceil(waitMs ?? 0)),
        settlements.map(({ duplicateOf }) => duplicateOf ?? null),
        settlements.map(({ attempt }) => attempt?.number ?? null),
        settlements.map(({ attempt }) => attempt?.startedAt.toISOString() ?? null),
        settlements.map(({ attempt }) => (attempt ? Math.round(attempt.durationMs) : null)),
        settlements.map(({ attempt }) => attempt?.outcome ?? null),
        settlements.map(({ attempt }) => attempt?.statusCode ?? null),
        settlements.map(({ attempt }) => attempt?.response ?? null),
        settlements.map(({ attempt }) => attempt?.error ?? null),
        settlements.map(({ unmade }) => (unmade ? 1 : 0)),
        settlements.map(({ attempt }) => (attempt?.request ? JSON.stringify(attempt.request) : null)),
      ]);
      const held = new Set(rows.map((row) => row.delivery_id));
      return all.map(({ deliveryId }) => held.has(deliveryId));
    },

    /** What has become of deliveries, each for another one of the same notice; in order. */
    async fatesOf(deliveryIds: string[]): Promise<Fate[]> {
      const rows = await database.query<{ id: string; state: string; forMs: number }>(sql.fates, [
        deliveryIds,
      ]);
      const found = new Map(rows.map((row) => [row.id, row]));
      return deliveryIds.map((id) => {
        const row = found.get(id);
        if (row?.state === "delivered") return { kind: "sent" };
        return row?.state === "pending" ? { kind: "open", forMs: row.forMs } : { kind: "unsent" };
      });
    },

    /** Prolongs leases by `leaseMs` from now. Answers the deliveries that are still held. */
    async renew(all: { deliveryId: string; leaseToken: string }[], leaseMs: number): Promise<Set<string>> {
      const held = all.toSorted(byDeliveryId);
      const rows = await database.query<{ delivery_id: string }>(sql.renew, [
        held.map(({ deliveryId }) => deliveryId),
        held.map(({ leaseToken }) => leaseToken),
        leaseMs,
      ]);
      return new Set(rows.map((row) => row.delivery_id));
    },

    /**
     * Takes up to `limit` deliveries back from workers whose leases ran out. Answers
     * how many, and those that failed by it.
     */
    async recover(limit: number): Promise<{ recovered: number; failed: Swept[] }> {
      const rows = await database.query<Swept & { failed: boolean }>(sql.recover, [limit]);
      return { recovered: rows.length, failed: rows.filter(({ failed }) => failed) };
    },

    /** Ends up to `limit` waiting deliveries whose time has passed. */
    expire(limit: number): Promise<Swept[]> {
      return database.query<Swept>(sql.expire, [limit]);
    },

    /** Ends up to `limit` waiting deliveries of a channel that is disabled or deleted. */
    async cancel(channelId: string, limit: number): Promise<number> {
      return (await database.query(sql.cancel, [channelId, limit])).length;
    },
  };
}

/** In one order everywhere, so that renewing and settling do not dead-lock. */
function byDeliveryId(a: { deliveryId: string }, b: { deliveryId: string }): number {
  return a.deliveryId < b.deliveryId ? -1 : 1;
}
