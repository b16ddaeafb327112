import type { Random } from "../support/random.ts";
import type { Behaviour } from "./endpoints.ts";

/** One event on its way into the service, and what was acknowledged of it. */
export interface PlannedEvent {
  idempotencyKey: string;
  type: string;
  requestId: string;
  /** Milliseconds since 1970; set when the notice becomes useless at some time. */
  deliverBefore: number | undefined;
  /** Equal to an earlier event but for the idempotency key. */
  repeats: boolean;
  acknowledged: { id: string; deliveries: number } | undefined;
}

/**
 * Which channels want which type. Nearly all events go to endpoints that work; the
 * others get few, since what fails is tried three times and held by the breaker.
 */
export const filters: Record<Behaviour, string[]> = {
  good: [],
  "also-good": ["grant.active", "request.break_glass"],
  "huge-body": ["request.approved"],
  flaky: ["request.approved"],
  "busy-429": ["grant.revoked"],
  "error-500": ["request.denied"],
  "tls-error": ["request.denied"],
  redirect: ["request.denied"],
  hang: ["request.expired"],
  "slow-bytes": ["request.expired"],
  reset: ["grant.expired"],
  "gone-410": ["grant.expired"],
};

const usual = ["request.pending", "grant.active", "grant.active"] as const;

/** Of a thousand events so many, and no more than the second number in all. */
const rare = {
  "request.approved": [20, 500],
  "grant.revoked": [5, 60],
  "request.denied": [4, 40],
  "request.expired": [2, 20],
  "grant.expired": [5, 60],
  "request.break_glass": [20, 500],
  "grant.expiring_soon": [20, 500],
};

const repeatShare = 0.02;
const expiringMs = 2_000;

/** Makes events one by one, in an order that the random numbers decide. */
export function createEventPlan(total: number, random: Random) {
  const left = new Map(
    Object.entries(rare).map(([type, [perThousand = 0, most = 0]]) => [
      type,
      Math.min(most, Math.ceil((total / 1000) * perThousand)),
    ]),
  );
  const made: PlannedEvent[] = [];

  function typeOf(): string {
    if (random.chance(0.1)) {
      const type = random.pick([...left.keys()]);
      const count = left.get(type) ?? 0;
      if (count > 0) {
        left.set(type, count - 1);
        return type;
      }
    }
    return random.pick(usual);
  }

  function make(): PlannedEvent {
    const idempotencyKey = `event-${made.length}`;
    const earlier = made[made.length - 1 - Math.floor(random.next() * 50)];
    if (earlier?.deliverBefore === undefined && earlier && !earlier.repeats && random.chance(repeatShare)) {
      return { ...earlier, idempotencyKey, repeats: true, acknowledged: undefined };
    }
    const type = typeOf();
    const deliverBefore =
      type === "grant.expiring_soon" ? Date.now() + Math.round(random.next() * expiringMs) : undefined;
    const requestId = `request-${made.length}`;
    return { idempotencyKey, type, requestId, deliverBefore, repeats: false, acknowledged: undefined };
  }

  return {
    /** All that were taken so far. */
    events: made as readonly PlannedEvent[],
    /** The next one, or undefined when there are no more. */
    take(): PlannedEvent | undefined {
      if (made.length >= total) return undefined;
      const event = make();
      made.push(event);
      return event;
    },
  };
}

export type EventPlan = ReturnType<typeof createEventPlan>;
