import type { Logger } from "pino";
import type { DeliveryQueue } from "../store/delivery-queue.ts";

/** A delivery that this process holds. */
export interface Lease {
  deliveryId: string;
  leaseToken: string;
  /** Aborted when the lease was lost to another worker, or the process must stop now. */
  lost: AbortController;
  /** `performance.now()` until which the lease holds for sure: it does not jump with the wall clock. */
  holdsUntil: number;
}

export type Leases = ReturnType<typeof createLeases>;

/**
 * Renews the leases of deliveries under way. A process that was paused, or could
 * not reach the database, notices by its own monotonic clock that a lease may be
 * another's by now, and does not send.
 */
export function createLeases(queue: DeliveryQueue, leaseMs: number, log: Logger) {
  const held = new Map<string, Lease>();
  const renewEveryMs = leaseMs / 3;
  const timer = setInterval(() => void renew(), renewEveryMs);
  let renewing = false;

  async function renew(): Promise<void> {
    if (renewing) return;
    renewing = true;
    const askedAt = performance.now();
    // Younger ones are mostly done before they need it.
    const old = [...held.values()].filter((lease) => lease.holdsUntil - askedAt < leaseMs - renewEveryMs);
    try {
      const still = old.length > 0 ? await queue.renew(old, leaseMs) : new Set<string>();
      for (const lease of old) {
        if (still.has(lease.deliveryId)) lease.holdsUntil = askedAt + leaseMs;
        else if (held.get(lease.deliveryId) === lease) lease.lost.abort();
      }
    } catch (error) {
      log.warn({ err: (error as Error).message }, "cannot renew leases, trying again");
    }
    renewing = false;
  }

  return {
    /** Starts to look after a lease that was asked for at `askedAt` (`performance.now()`). */
    hold(deliveryId: string, leaseToken: string, askedAt: number): Lease {
      const lease = { deliveryId, leaseToken, lost: new AbortController(), holdsUntil: askedAt + leaseMs };
      held.set(deliveryId, lease);
      return lease;
    },

    release(lease: Lease): void {
      if (held.get(lease.deliveryId) === lease) held.delete(lease.deliveryId);
    },

    /** Whether it is safe to send: nobody else can have the delivery. */
    holds(lease: Lease): boolean {
      return !lease.lost.signal.aborted && performance.now() < lease.holdsUntil;
    },

    /** Ends every send that is still under way. */
    abortAll(): void {
      for (const lease of held.values()) lease.lost.abort();
    },

    size: () => held.size,

    close(): void {
      clearInterval(timer);
    },
  };
}
