import PQueue from "p-queue";
import type { ChannelType } from "../channels/channel.ts";
import { createPace, type Pace } from "./pace.ts";

export interface LaneOptions {
  /** Sends under way at the same time, over all channels. */
  concurrency: number;
  /** The same for one channel. */
  channelConcurrency: number;
  /** Sends that may start within a second on one channel, by kind; absent: any number. */
  perSecond: Partial<Record<ChannelType, number>>;
}

/** What decides in which lanes a send goes. */
export interface LaneUser {
  tenantId: string;
  channelId: string;
  type: ChannelType;
  urgent: boolean;
}

interface Lane {
  queue: PQueue;
  /** How fast sends end; undefined where nothing is taken on ahead of need. */
  pace: Pace | undefined;
  /** Deliveries that use the lane, those that wait for their backoff included. */
  held: number;
  /** Those of them that have yet to ask for their first slot. */
  coming: number;
  idleSince: number;
}

/** The place of one delivery in its lane, from its claim to its end. */
export interface Seat {
  /**
   * Runs `send` as soon as the channel and the process have a slot for it. Resolves with
   * undefined, and does not run it, when the lanes are closed before that.
   */
  run<Result>(send: () => Promise<Result>): Promise<Result | undefined>;
  /** Gives the place up; to be called once. */
  leave(): void;
}

/**
 * Bound on the deliveries that a process takes on for each slot it has: those that
 * wait for their backoff hold memory but no slot.
 */
const heldPerSlot = 8;
const idleLaneMs = 60_000;

/** The part of the process's slots that one tenant may use, so that no slow endpoints of one leave nothing to others. */
const tenantShare = 0.75;

/**
 * One p-queue a channel, under one a tenant, under one for all, so that a slow endpoint
 * uses up its own slots and not those of others, nor several of one tenant those of
 * other tenants. Break-glass notices go through queues of their own, so no send that
 * hangs or waits for its rate is before them.
 *
 * A channel is given as many deliveries as it has free slots, and ahead of that
 * what it has lately sent in 100 ms: a fast endpoint never waits for the database,
 * and a slow one holds nothing back that another process could send.
 */
export function createLanes(options: LaneOptions) {
  const normal = createLane(new PQueue({ concurrency: options.concurrency }));
  const urgent = createUnpacedLane(new PQueue({ concurrency: Math.max(4, options.concurrency >> 2) }));
  const channels = new Map<string, Lane>();
  const tenants = new Map<string, Lane>();
  let closed = false;

  function laneOf(lanes: Map<string, Lane>, key: string, create: () => Lane): Lane {
    let lane = lanes.get(key);
    if (!lane) {
      lane = create();
      lanes.set(key, lane);
    }
    return lane;
  }

  function channelLaneOf(user: Omit<LaneUser, "tenantId">): Lane {
    return laneOf(channels, keyOf(user.channelId, user.urgent), () => createChannelLane(user));
  }

  function tenantLaneOf(tenantId: string, isUrgent: boolean): Lane {
    return laneOf(tenants, keyOf(tenantId, isUrgent), () => {
      const queue = new PQueue({ concurrency: shareOf(globalOf(isUrgent)) });
      return isUrgent ? createUnpacedLane(queue) : createLane(queue);
    });
  }

  function createChannelLane({ type, urgent }: Pick<LaneUser, "type" | "urgent">): Lane {
    const concurrency = options.channelConcurrency;
    if (urgent) return createUnpacedLane(new PQueue({ concurrency }));
    const perSecond = options.perSecond[type];
    if (perSecond === undefined) return createLane(new PQueue({ concurrency }));
    return createUnpacedLane(new PQueue({ concurrency: perSecond, interval: 1000, intervalCap: perSecond }));
  }

  const globalOf = (isUrgent: boolean) => (isUrgent ? urgent : normal);

  return {
    /** Takes a delivery on. */
    enter(user: LaneUser): Seat {
      const lane = channelLaneOf(user);
      const tenant = tenantLaneOf(user.tenantId, user.urgent);
      const global = globalOf(user.urgent);
      const all = [lane, tenant, global];
      let arrived = false;
      for (const one of all) {
        one.held++;
        one.coming++;
      }

      function arrive(): void {
        if (arrived) return;
        arrived = true;
        for (const one of all) one.coming--;
      }

      return {
        async run(send) {
          arrive();
          if (closed) return undefined;
          let begun = false;
          const begin = () => {
            begun = true;
            return send();
          };
          try {
            const result = await lane.queue.add(() => tenant.queue.add(() => global.queue.add(begin)));
            for (const one of all) one.pace?.count();
            return result;
          } catch (error) {
            if (closed && !begun) return undefined;
            throw error;
          }
        },
        leave() {
          arrive();
          for (const one of all) {
            one.held--;
            one.idleSince = performance.now();
          }
        },
      };
    },

    /** How many more deliveries may be taken on, over all tenants. */
    free: (isUrgent: boolean) => freeIn(globalOf(isUrgent)),

    /** How many more deliveries of the tenant may be taken on. */
    freeOfTenant: (tenantId: string, isUrgent: boolean) => freeIn(tenantLaneOf(tenantId, isUrgent)),

    /** How many more deliveries of the channel may be taken on. */
    freeOf: (user: LaneUser) =>
      Math.min(freeIn(channelLaneOf(user)), freeIn(tenantLaneOf(user.tenantId, user.urgent))),

    /**
     * How many more deliveries may be taken on of each channel and of each tenant, by their ids
     * (with "!" in front: break-glass); of a channel not named by its kind, or else `ofLine`; of
     * a tenant not named by "tenant" and "!tenant".
     */
    room(): { lines: Record<string, number>; ofLine: number } {
      const used = [...channels, ...tenants]
        .filter(([, { held }]) => held > 0)
        .map(([key, lane]) => [key, freeIn(lane)]);
      const shares = { tenant: shareOf(normal), "!tenant": shareOf(urgent) };
      return {
        lines: { ...options.perSecond, ...shares, ...Object.fromEntries(used) },
        ofLine: options.channelConcurrency,
      };
    },

    /** Deliveries of the channel that were taken on. */
    heldOf: (user: LaneUser) => channelLaneOf(user).held,

    /** Forgets lanes that nobody has used for a while. */
    sweep(): void {
      for (const lanes of [channels, tenants]) {
        for (const [key, lane] of lanes) {
          if (lane.held === 0 && performance.now() - lane.idleSince > idleLaneMs) lanes.delete(key);
        }
      }
    },

    /** From now on nobody waits for a slot or for a rate; what has a slot keeps it. */
    close(): void {
      closed = true;
      for (const { queue } of [...channels.values(), ...tenants.values(), normal, urgent]) queue.clear();
    },
  };
}

export type Lanes = ReturnType<typeof createLanes>;

function createLane(queue: PQueue): Lane {
  return { ...createUnpacedLane(queue), pace: createPace() };
}

/** A lane that takes on no more than it has free slots. */
function createUnpacedLane(queue: PQueue): Lane {
  return { queue, pace: undefined, held: 0, coming: 0, idleSince: performance.now() };
}

/**
 * Where sends end fast, a few free slots are not worth a claim: it waits, a moment,
 * until a quarter of what the lane can take is free.
 */
function freeIn({ queue, pace, held, coming }: Lane): number {
  const ahead = pace?.expected() ?? 0;
  const room = queue.concurrency + ahead;
  const free = Math.min(room - queue.size - queue.pending - coming, queue.concurrency * heldPerSlot - held);
  return ahead > queue.concurrency / 4 && free < room / 4 ? 0 : free;
}

function shareOf({ queue }: Lane): number {
  return Math.max(1, Math.floor(queue.concurrency * tenantShare));
}

function keyOf(id: string, urgent: boolean): string {
  return urgent ? `!${id}` : id;
}
