import { inBatches } from "../async/in-batches.ts";
import { firstId, uuidFloor, uuidv7 } from "../uuid-v7.ts";
import type { Actor } from "./audit.ts";
import type { Database } from "./database.ts";
import * as sql from "./replays.sql.ts";

/** What is to be sent again. */
export type ReplaySource =
  /** One delivery, whatever became of it. */
  | { kind: "delivery"; deliveryId: string }
  /** Deliveries of a channel that failed and have no replay yet that came to something. */
  | { kind: "failed"; channelId: string; since: Date; until: Date }
  /** Events that a channel wants and has no delivery for, or none but those that were cancelled with it. */
  | { kind: "missed"; channelId: string; since: Date; until: Date };

export type ReplayState = "running" | "completed" | "cancelled";

export interface Replay {
  id: string;
  kind: ReplaySource["kind"];
  state: ReplayState;
  channelId: string;
  deliveryId: string | null;
  since: Date;
  until: Date;
  /** How many were to be sent again when it was asked for. */
  total: number;
  /** How many deliveries it has made so far. */
  created: number;
  createdAt: Date;
  completedAt: Date | undefined;
  /** How many of its deliveries are in each state. */
  states: Record<string, number>;
}

/** Why a replay cannot be made. */
export type ReplayRefusal = "no_channel" | "no_delivery" | "channel_disabled" | "delivery_open";

/** What a replay would do. */
export interface ReplayPlan {
  channelId: string;
  since: Date;
  until: Date;
  /** At most `maxCounted`. */
  total: number;
}

/** A larger replay is made all the same; its total says no more than this. */
const maxCounted = 1_000_000;

const cancelBatch = 1_000;

/** Deliveries that one statement makes. */
export const replayBatch = 500;

export type ReplayStore = ReturnType<typeof createReplayStore>;

/** The replays of one tenant, and of no other: the tenant's id is in every query. */
export function createReplayStore(database: Database, tenantId: string) {
  async function get(id: string): Promise<Replay | undefined> {
    const [row] = await database.query<ReplayRow>(sql.selectOne, [tenantId, id]);
    return row && toReplay(row);
  }

  return {
    get,

    /** Counts what a replay would send; changes nothing. */
    async plan(source: ReplaySource): Promise<ReplayPlan | ReplayRefusal> {
      if (source.kind === "delivery") return planOne(source.deliveryId);
      const { channelId, since, until, kind } = source;
      const refusal = refusalOf(await channelOf(channelId));
      if (refusal) return refusal;
      const count = kind === "failed" ? sql.countFailed : sql.countMissed;
      const range = [startOf(since), since.toISOString(), until.toISOString()];
      const [row] = await database.query<{ total: number }>(count, [
        tenantId,
        channelId,
        ...range,
        maxCounted,
      ]);
      return { channelId, since, until, total: row?.total ?? 0 };
    },

    /**
     * Begins a replay that was planned. The workers carry it out, whatever becomes of this process.
     * Answers undefined, and begins none, while one of the same kind runs on the channel.
     */
    async create(source: ReplaySource, plan: ReplayPlan, by: Actor): Promise<Replay | undefined> {
      const id = uuidv7();
      const { channelId, since, until, total } = plan;
      const deliveryId = source.kind === "delivery" ? source.deliveryId : null;
      const position = source.kind === "delivery" ? firstId : startOf(since);
      const inserted = await database.query(sql.insert, [
        ...actorParams(by),
        id,
        tenantId,
        source.kind,
        channelId,
        deliveryId,
        since.toISOString(),
        until.toISOString(),
        total,
        position,
      ]);
      if (inserted.length === 0) return undefined;
      // The first batch right now, since somebody waits: for one delivery it is all.
      await database.query(sql.advance, [replayBatch, id]);
      const replay = await get(id);
      if (!replay) throw new Error("The replay is gone right after it was made");
      return replay;
    },

    /** Newest first. */
    async list({ beforeId, limit }: { beforeId: string | undefined; limit: number }): Promise<Replay[]> {
      const rows = await database.query<ReplayRow>(sql.selectPage, [tenantId, beforeId ?? null, limit]);
      return rows.map(toReplay);
    },

    /**
     * Makes no more deliveries, and cancels those that no worker holds. Answers undefined
     * when there is no such replay. One that is completed has its waiting deliveries cancelled too.
     */
    async cancel(id: string, by: Actor): Promise<Replay | undefined> {
      const [row] = await database.query<{ id: string }>(sql.stop, [...actorParams(by), tenantId, id]);
      if (!row) return undefined;
      const cancelWaiting = async (limit: number) =>
        (await database.query(sql.cancelWaiting, [tenantId, id, limit])).length;
      await inBatches(cancelBatch, cancelWaiting);
      return get(id);
    },
  };

  async function planOne(deliveryId: string): Promise<ReplayPlan | ReplayRefusal> {
    const [row] = await database.query<{ channelId: string; createdAt: string; open: boolean }>(
      sql.selectSource,
      [tenantId, deliveryId],
    );
    if (!row) return "no_delivery";
    const refusal = refusalOf(await channelOf(row.channelId));
    if (refusal) return refusal;
    if (row.open) return "delivery_open";
    const since = new Date(row.createdAt);
    return { channelId: row.channelId, since, until: since, total: 1 };
  }

  async function channelOf(id: string): Promise<{ enabled: boolean } | undefined> {
    const [row] = await database.query<{ enabled: boolean }>(sql.selectChannel, [tenantId, id]);
    return row;
  }
}

function actorParams({ type, id, clientAddress, requestId }: Actor): (string | null)[] {
  return [type, id ?? null, clientAddress ?? null, requestId ?? null];
}

/**
 * Before the first id of what was made since: ids of events are made before they are
 * stored, by the clock of another machine.
 */
function startOf(since: Date): string {
  return uuidFloor(new Date(since.getTime() - 600_000));
}

function refusalOf(channel: { enabled: boolean } | undefined): ReplayRefusal | undefined {
  if (!channel) return "no_channel";
  return channel.enabled ? undefined : "channel_disabled";
}

interface ReplayRow extends Omit<Replay, "since" | "until" | "createdAt" | "completedAt"> {
  since: string;
  until: string;
  createdAt: string;
  completedAt: string | null;
}

function toReplay(row: ReplayRow): Replay {
  return {
    ...row,
    since: new Date(row.since),
    until: new Date(row.until),
    createdAt: new Date(row.createdAt),
    completedAt: row.completedAt === null ? undefined : new Date(row.completedAt),
  };
}
