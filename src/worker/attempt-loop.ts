import type { Logger } from "pino";
import { abortableSleep } from "../async/abortable-sleep.ts";
import type { Batcher } from "../async/batcher.ts";
import type { Channel, Notice, SendOutcome, SentRequest } from "../channels/channel.ts";
import type { Senders } from "../channels/senders.ts";
import type { TenantSettings } from "../channels/tenant-settings.ts";
import type { EventPayload } from "../events.ts";
import type { FailureLog } from "../observability/failure-log.ts";
import type { Metrics } from "../observability/metrics.ts";
import type { Tracing } from "../observability/tracing.ts";
import type { Observation } from "../store/channel-health.ts";
import { maxAttempts } from "../store/delivery-queue.sql.ts";
import type {
  AttemptRecord,
  Beginning,
  Claimed,
  Fate,
  NextAttempt,
  Settlement,
} from "../store/delivery-queue.ts";
import { noteAttempt, reportEnd, reportLost } from "./attempt-report.ts";
import { startAttemptSpan } from "./attempt-span.ts";
import { type BackoffOptions, backoffMs } from "./backoff.ts";
import type { Dedup } from "./dedup.ts";
import { type Clearance, checkDuplicate } from "./duplicate-check.ts";
import type { Seat } from "./lanes.ts";
import type { Lease, Leases } from "./leases.ts";
import { persist } from "./persist.ts";

/** A wait longer than this is not worth holding a delivery for: it is handed back. */
const longWaitMs = 15_000;

/**
 * Who has waited longer than this for a slot reserves the dedup key again, since its
 * window begins with the send.
 */
const freshMs = 500;

/** What the loop works with; one set serves all deliveries of a process. */
export interface LoopContext {
  // The queue's statements that concern one delivery, each for all that ask at the same time.
  beginnings: Batcher<NextAttempt, Beginning>;
  settlements: Batcher<Settlement, boolean>;
  /** By delivery id. */
  fates: Batcher<string, Fate>;
  send: Senders["send"];
  dedup: Dedup;
  leases: Leases;
  observe(observation: Observation): Promise<void>;
  backoff: BackoffOptions;
  metrics: Metrics;
  tracing: Tracing;
  /** Aborted when the process stops: who waits for a backoff hands back. */
  stopping: AbortSignal;
  failed: FailureLog;
  log: Logger;
}

/** A delivery that this process holds, ready to be sent. */
export interface Held {
  claimed: Claimed;
  channel: Channel;
  settings: TenantSettings;
  lease: Lease;
  seat: Seat;
}

/** How holding a delivery ended; undefined: somebody else has it. */
export type End = Omit<Settlement, "deliveryId" | "leaseToken"> | undefined;

/**
 * Takes one held delivery to its end: at most three attempts in all, a wait before
 * each but the first. A wait holds no slot. Everything is written under the lease,
 * so a worker that lost it changes nothing.
 */
export async function deliver(held: Held, context: LoopContext): Promise<void> {
  const end = await attemptUpToThreeTimes(held, context);
  const kept = end !== undefined && (await settle(held, end, context));
  if (kept) reportEnd(held, end.state, context);
  else reportLost(held, context);
}

async function attemptUpToThreeTimes(held: Held, context: LoopContext): Promise<End> {
  const { claimed, lease, seat } = held;
  const notice = noticeOf(held);

  for (let number = claimed.attempt; number <= maxAttempts; number++) {
    if (number > claimed.attempt) {
      const beginning = await persist(held, context, () =>
        context.beginnings.add({
          deliveryId: claimed.deliveryId,
          leaseToken: lease.leaseToken,
          attempt: number,
          channelVersion: claimed.channelVersion,
        }),
      );
      if (beginning.kind === "lost") return undefined;
      if (beginning.kind === "inactive") return { state: "cancelled" };
      if (beginning.kind === "changed") return { state: "pending" };
      if (beginning.kind === "held") return { state: "pending", waitMs: beginning.forMs };
    }
    let early: Clearance | undefined;
    // Before there is a slot, so that what was taken on together shares a round trip. What may expire
    // while it waits must not keep an equal notice waiting that has less time.
    if (claimed.expiresAtMs === undefined) {
      const check = await checkDuplicate(held, notice.event.type, context);
      if ("end" in check) return check.end;
      early = check;
    }
    const result = await seat.run(() => useSlot(held, notice, number, early, context));
    if (result === undefined) return { state: "pending", unmade: true };
    if (result.kind === "unsent") return result.end;

    const { outcome } = result;
    const attempt = recordOf(number, result);
    noteAttempt(held, attempt, context);
    const observed = observe(held, outcome, context);
    if (outcome.kind === "delivered") return { state: "delivered", attempt };
    if (outcome.kind === "failed" || number === maxAttempts) return { state: "failed", attempt };

    await observed; // A breaker that it opens stops the next attempt.
    const waitMs = backoffMs(number, outcome.retryAfterMs, context.backoff);
    if (waitMs > longWaitMs || context.stopping.aborted) return { state: "pending", waitMs, attempt };
    if (!(await settle(held, { state: "delivering", waitMs, attempt }, context))) return undefined;
    const interrupted = await waitOr(waitMs, [context.stopping, lease.lost.signal]);
    if (interrupted) return { state: "pending", waitMs };
  }
  throw new Error(`A delivery was claimed for attempt ${claimed.attempt}`);
}

/** What a slot was used for: a send, or finding out that there is nothing to send. */
type SlotResult =
  | {
      kind: "sent";
      outcome: SendOutcome;
      request: SentRequest | undefined;
      startedAt: Date;
      durationMs: number;
    }
  | { kind: "unsent"; end: End };

/** The checks come right before the send, since the slot may have been waited for. */
async function useSlot(
  held: Held,
  notice: Notice,
  attempt: number,
  early: Clearance | undefined,
  context: LoopContext,
): Promise<SlotResult> {
  const { claimed, channel, lease } = held;
  const unsent = (end: End): SlotResult => ({ kind: "unsent", end });
  if (context.stopping.aborted) return unsent({ state: "pending", unmade: true });
  const { expiresAtMs = Number.POSITIVE_INFINITY } = claimed;
  if (expiresAtMs <= performance.now()) return unsent({ state: "expired", unmade: true });
  const isFresh = early !== undefined && performance.now() - early.at < freshMs;
  const check = isFresh ? early : await checkDuplicate(held, notice.event.type, context);
  if ("end" in check) return unsent(check.end);
  // Once more: the check may have had to wait for the database.
  if (expiresAtMs <= performance.now()) return unsent({ state: "expired", unmade: true });
  if (!context.leases.holds(lease)) return unsent(undefined);
  if (check.unchecked) context.metrics.dedupUnavailable.inc();
  const startedAt = new Date();
  const startedMs = performance.now();
  let request: SentRequest | undefined;
  const span = startAttemptSpan(claimed, attempt, context.tracing);
  const { traceparent } = span;
  const traced = traceparent === undefined ? notice : { ...notice, traceparent };
  const outcome = await context.send(channel, traced, lease.lost.signal, (sent) => {
    request = sent;
  });
  span.end(outcome);
  return { kind: "sent", outcome, request, startedAt, durationMs: performance.now() - startedMs };
}

function settle(held: Held, end: Exclude<End, undefined>, context: LoopContext): Promise<boolean> {
  const { deliveryId, leaseToken } = held.lease;
  return persist(held, context, () => context.settlements.add({ deliveryId, leaseToken, ...end }));
}

async function waitOr(waitMs: number, signals: AbortSignal[]): Promise<boolean> {
  const signal = AbortSignal.any(signals);
  await abortableSleep(waitMs, signal);
  return signal.aborted;
}

function noticeOf({ claimed, settings }: Held): Notice {
  return {
    deliveryId: claimed.deliveryId,
    eventId: claimed.eventId,
    tenantId: claimed.tenantId,
    receivedAt: claimed.receivedAt,
    event: JSON.parse(claimed.payload) as EventPayload,
    settings,
  };
}

function recordOf(
  number: number,
  { outcome, ...times }: Extract<SlotResult, { kind: "sent" }>,
): AttemptRecord {
  return {
    number,
    ...times,
    outcome: outcome.kind,
    statusCode: outcome.statusCode,
    response: outcome.response,
    error: outcome.error,
  };
}

/** Never rejects: a channel's health is worth no delivery. */
async function observe({ claimed, lease }: Held, outcome: SendOutcome, context: LoopContext): Promise<void> {
  // An attempt that this process broke off says nothing about the endpoint.
  if (outcome.kind !== "delivered" && lease.lost.signal.aborted) return;
  const { channelId, tenantId } = claimed;
  const asked = outcome.kind === "retry" ? outcome.retryAfterMs : undefined;
  const observation = {
    channelId,
    tenantId,
    error: outcome.kind === "delivered" ? undefined : outcome.error,
    retryAfterMs: asked && Math.min(asked, context.backoff.retryAfterMaxMs),
  };
  await context.observe(observation).catch((error: unknown) => {
    context.log.warn({ channelId, err: (error as Error).message }, "cannot write the channel's health");
  });
}
