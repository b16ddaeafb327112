import { v4 as uuidv4 } from "uuid";
import { createFailureLog } from "../observability/failure-log.ts";
import type { ChannelLoader, LoadedChannel } from "../store/channel-loader.ts";
import type { Claimed, DeliveryQueue, WaitingChannel } from "../store/delivery-queue.ts";
import type { HandOver } from "../store/ingest.ts";
import { isDatabaseUnavailable } from "../store/unavailable.ts";
import { firstId } from "../uuid-v7.ts";
import { deliver, type LoopContext } from "./attempt-loop.ts";
import { createCancelling } from "./cancelling.ts";
import { createHandOver } from "./hand-over.ts";
import type { Lanes, LaneUser, Seat } from "./lanes.ts";
import type { Lease } from "./leases.ts";
import { createScheduler } from "./schedule.ts";

export interface NotifyWorkerOptions extends Omit<LoopContext, "stopping" | "failed"> {
  queue: DeliveryQueue;
  channels: ChannelLoader;
  lanes: Lanes;
  /** How long a claim holds without being renewed. */
  leaseMs: number;
  /** How often it looks for work when nobody says that there is some. */
  pollMs: number;
  /** Failed attempts in a row after which a channel is tried with one delivery at a time. */
  breakerFailures: number;
  /** Told of every channel with work on which the last attempts failed. */
  noteFailing(channelId: string): void;
}

export interface NotifyWorker {
  /** Takes deliveries on from the process that makes them, if it is this one. */
  handOver: HandOver;
  /** There may be work. */
  wake(): void;
  /**
   * Claims no more, lets sends under way finish for `graceMs`, then aborts them.
   * Deliveries that wait for their backoff, for a slot or for their rate are handed back at once.
   */
  stop(graceMs: number): Promise<void>;
}

const channelsARound = 500;

/** After a defect of our own, such as a missing encryption key, a delivery waits for so long. */
const defectWaitMs = 30_000;

/** After the database did not answer, for so long. */
const outageWaitMs = 1_000;

/** Claims deliveries as long as there are free slots, and takes each to its end. */
export function startNotifyWorker(options: NotifyWorkerOptions): NotifyWorker {
  const { queue, lanes, leases, log, metrics } = options;
  const stop = new AbortController();
  const failed = createFailureLog(log);
  const context: LoopContext = { ...options, stopping: stop.signal, failed };
  const underWay = new Set<Promise<void>>();
  /** Lease tokens of what may have been taken, and when it was asked for. */
  const unanswered = new Map<string, number>();
  const scheduler = createScheduler();
  const cancelling = createCancelling(queue, context, wake);
  const handOver = createHandOver({
    ...options,
    starved: (urgent) => starved[urgent ? "urgent" : "normal"],
    take(claimed, leaseToken, askedAt) {
      metrics.taken.inc({ way: "hand_over" });
      take(claimed, leaseToken, askedAt);
    },
    lost: (leaseToken) => unanswered.set(leaseToken, performance.now()),
  });
  /** Whether lines got fewer slots than they could have used, as far as the last round knows. */
  let starved = { urgent: true, normal: true };
  /** Whether a slot that becomes free may be of use to somebody. */
  let anyWaiting = true;
  let tried = 0;
  let after = { urgent: firstId, normal: firstId };
  let wakeUp: () => void = () => undefined;
  let awake = true;

  async function run(): Promise<void> {
    while (!stop.signal.aborted) {
      awake = false;
      const busy = await claimOnce().catch(async (error: unknown) => {
        failed("error", {}, error, "cannot claim deliveries, trying again");
        return false;
      });
      if (!busy && !awake) await restUntilWoken();
    }
  }

  function restUntilWoken(): Promise<void> {
    return new Promise((resolve) => {
      const timer = setTimeout(resolve, options.pollMs);
      wakeUp = () => {
        clearTimeout(timer);
        resolve();
      };
    });
  }

  function wake(): void {
    awake = true;
    wakeUp();
  }

  /** One round: who waits, who gets how many slots, and off they go. Answers whether to go on at once. */
  async function claimOnce(): Promise<boolean> {
    const full = lanes.free(false) <= 0 && lanes.free(true) <= 0;
    if (full) anyWaiting = true; // Maybe: it did not look.
    if (full) return false;
    await giveBackUnanswered();
    const waiting = await queue.waitingChannels(after, channelsARound);
    anyWaiting = waiting.length > 0;
    starved = { urgent: isStarved(waiting, true), normal: isStarved(waiting, false) };
    after = { urgent: nextPage(waiting, true), normal: nextPage(waiting, false) };
    // Others may have work for the free slots, although those of this page have none.
    const more = after.urgent !== firstId || after.normal !== firstId;
    for (const { channelId, consecutiveFailures } of waiting) {
      if (consecutiveFailures > 0) options.noteFailing(channelId);
    }
    cancelling.begin(waiting);

    const quotas = scheduler.allocate(
      waiting.filter(({ active }) => active),
      { total: lanes.free, ofTenant: lanes.freeOfTenant, ofChannel: capacityOf },
    );
    if (quotas.length === 0) return more;
    const askedAt = performance.now();
    const leaseToken = uuidv4();
    unanswered.set(leaseToken, askedAt);
    const claimed = await queue.claim(quotas, leaseToken, options.leaseMs);
    unanswered.delete(leaseToken);
    metrics.taken.inc({ way: "claim" }, claimed.length);
    for (const delivery of claimed) take(delivery, leaseToken, askedAt);
    // What waits in order or for its time is nobody's to claim: its turn goes on to the next.
    tried = claimed.length > 0 ? 0 : tried + quotas.length;
    if (claimed.length > 0 || more) return true;
    if (tried < waiting.length) return true;
    tried = 0;
    return false;
  }

  /**
   * A claim whose answer was lost may have been carried out, or will be when the database gets to
   * it: nobody would send what it took until the lease runs out.
   */
  async function giveBackUnanswered(): Promise<void> {
    if (unanswered.size === 0) return;
    const isOver = ([, askedAt]: [string, number]) => performance.now() - askedAt > options.leaseMs;
    const over = [...unanswered].filter(isOver).map(([leaseToken]) => leaseToken);
    const givenBack = await queue.giveBack([...unanswered.keys()]);
    for (const leaseToken of [...over, ...givenBack]) unanswered.delete(leaseToken);
  }

  function isStarved(waiting: WaitingChannel[], urgent: boolean): boolean {
    const lines = waiting.filter((line) => line.urgent === urgent && line.active);
    const usable = lines.reduce((sum, line) => sum + Math.max(0, capacityOf(line)), 0);
    return lines.length >= channelsARound || usable > lanes.free(urgent);
  }

  /** After which channel the next round starts, so that each gets its turn however many wait. */
  function nextPage(waiting: WaitingChannel[], urgent: boolean): string {
    const page = waiting.filter((channel) => channel.urgent === urgent);
    return page.length < channelsARound ? firstId : (page.at(-1)?.channelId ?? firstId);
  }

  function capacityOf(channel: WaitingChannel): number {
    // Break-glass is tried even where the breaker is open: better once too often.
    if (channel.held && !channel.urgent) return 0;
    const free = lanes.freeOf(channel);
    const onTrial = channel.consecutiveFailures >= options.breakerFailures && !channel.urgent;
    return onTrial ? Math.min(free, 1 - lanes.heldOf(channel)) : free;
  }

  function take(claimed: Claimed, leaseToken: string, askedAt: number): void {
    const lease = leases.hold(claimed.deliveryId, leaseToken, askedAt);
    const user: LaneUser = {
      tenantId: claimed.tenantId,
      channelId: claimed.channelId,
      type: claimed.channelType,
      urgent: claimed.urgent,
    };
    const seat = lanes.enter(user);
    metrics.held.set(leases.size());
    const work = handle(claimed, lease, seat)
      .catch((error: unknown) => {
        // Nothing is lost: the lease runs out and the delivery is recovered.
        const { deliveryId, channelId } = claimed;
        log.error({ deliveryId, channelId, err: (error as Error).message }, "delivery left to its lease");
      })
      .finally(() => {
        leases.release(lease);
        seat.leave();
        underWay.delete(work);
        metrics.held.set(leases.size());
        if (anyWaiting && lanes.freeOf(user) > 0) wake();
      });
    underWay.add(work);
  }

  async function handle(claimed: Claimed, lease: Lease, seat: Seat): Promise<void> {
    const { deliveryId, channelId, channelVersion } = claimed;
    let loaded: LoadedChannel;
    try {
      loaded = await options.channels.load(channelId, channelVersion);
    } catch (error) {
      log.error(
        { deliveryId, channelId, err: (error as Error).message },
        "cannot load the channel, trying later",
      );
      const { leaseToken } = lease;
      const waitMs = isDatabaseUnavailable(error) ? outageWaitMs : defectWaitMs;
      const later = { deliveryId, leaseToken, state: "pending", waitMs, unmade: true } as const;
      await context.settlements.add(later);
      return;
    }
    await deliver({ claimed, ...loaded, lease, seat }, context);
  }

  const running = run();

  return {
    wake,
    handOver,
    async stop(graceMs) {
      stop.abort();
      lanes.close();
      wake();
      const abort = setTimeout(() => leases.abortAll(), graceMs);
      await Promise.all([running, handOver.close()]);
      await cancelling.idle();
      await Promise.all(underWay);
      clearTimeout(abort);
    },
  };
}
