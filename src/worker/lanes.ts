import PQueue from "p-queue";
import type { ChannelType } from "../channels/channel.ts";

export interface LaneOptions {
  /** Sends under way at the same time, over all channels. */
  concurrency: number;
  /** The same for one channel. */
  channelConcurrency: number;
  /** Sends that may start within a second on one channel, by kind; absent: any number. */
  perSecond: Partial<Record<ChannelType, number>>;
}

/** What decides in which lane a send goes. */
export interface LaneUser {
  channelId: string;
  type: ChannelType;
  urgent: boolean;
}

interface Lane {
  queue: PQueue;
  /** Deliveries that use the lane, those that wait for their backoff included. */
  held: number;
  idleSince: number;
}

/** Deliveries that wait for their backoff hold memory but no slot; this bounds them. */
const heldPerSlot = 8;
const idleLaneMs = 60_000;

export type Lanes = ReturnType<typeof createLanes>;

/**
 * One p-queue a channel, all under one global p-queue, so that a slow endpoint
 * uses up its own slots and not those of others. Break-glass notices go through
 * queues of their own, so no send that hangs or waits for its rate is before them.
 */
export function createLanes(options: LaneOptions) {
  const normal = new PQueue({ concurrency: options.concurrency });
  const urgent = new PQueue({ concurrency: Math.max(4, options.concurrency >> 2) });
  const lanes = new Map<string, Lane>();
  let held = 0;

  function laneOf(user: LaneUser): Lane {
    const key = keyOf(user);
    let lane = lanes.get(key);
    if (!lane) {
      lane = { queue: createChannelQueue(user), held: 0, idleSince: 0 };
      lanes.set(key, lane);
    }
    return lane;
  }

  function createChannelQueue(user: LaneUser): PQueue {
    const perSecond = options.perSecond[user.type];
    if (perSecond === undefined || user.urgent)
      return new PQueue({ concurrency: options.channelConcurrency });
    return new PQueue({ concurrency: perSecond, interval: 1000, intervalCap: perSecond });
  }

  const globalOf = (user: { urgent: boolean }) => (user.urgent ? urgent : normal);

  return {
    /** Runs `send` as soon as the channel and the process have a slot for it. */
    run<Result>(user: LaneUser, send: () => Promise<Result>): Promise<Result> {
      return laneOf(user).queue.add(() => globalOf(user).add(send));
    },

    /** Counts a delivery that was taken on, until `leave`. */
    enter(user: LaneUser): void {
      laneOf(user).held++;
      held++;
    },

    leave(user: LaneUser): void {
      const lane = laneOf(user);
      lane.held--;
      lane.idleSince = Date.now();
      held--;
    },

    /** How many more deliveries may be taken on, over all channels. */
    free(isUrgent: boolean): number {
      const queue = globalOf({ urgent: isUrgent });
      return Math.min(queue.concurrency - queue.size - queue.pending, queue.concurrency * heldPerSlot - held);
    },

    /** How many more deliveries of the channel may be taken on. */
    freeOf(user: LaneUser): number {
      const { queue, held } = laneOf(user);
      return Math.min(queue.concurrency - queue.size - queue.pending, queue.concurrency * heldPerSlot - held);
    },

    /** Deliveries of the channel that were taken on. */
    heldOf(user: LaneUser): number {
      return lanes.get(keyOf(user))?.held ?? 0;
    },

    /** Forgets lanes that nobody has used for a while. */
    sweep(): void {
      for (const [key, lane] of lanes) {
        if (lane.held === 0 && Date.now() - lane.idleSince > idleLaneMs) lanes.delete(key);
      }
    },
  };
}

function keyOf({ channelId, urgent }: LaneUser): string {
  return urgent ? `!${channelId}` : channelId;
}
