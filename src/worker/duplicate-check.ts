import { setTimeout as sleep } from "node:timers/promises";
import type { End, Held, LoopContext } from "./attempt-loop.ts";
import { dedupKey } from "./dedup.ts";
import { persist } from "./persist.ts";

/**
 * A delivery that finds an equal one on its way looks again after a moment, since most are
 * sent by then, and else is handed back until so long after that one could have been sent.
 */
const momentMs = 100;
const lookAgainMs = 500;

/** Nobody else sends this notice, as was known at `at` (`performance.now()`), or the store does not answer. */
export interface Clearance {
  at: number;
  unchecked: boolean;
}

/**
 * Reserves the dedup key. What another delivery holds it for decides: a notice that was
 * sent is not sent again, and while that is open, this delivery waits for it. A holder that
 * has ended without sending has given the key up, even if its worker died before it could
 * say so: the reservation then replaces it atomically.
 */
export async function checkDuplicate(
  held: Held,
  eventType: string,
  context: LoopContext,
): Promise<Clearance | { end: End }> {
  const { claimed } = held;
  const { dedup, fates } = context;
  const cleared = (unchecked: boolean): Clearance => ({ at: performance.now(), unchecked });
  const key = dedupKey({ ...claimed, eventType });
  const reserve = (insteadOf?: string) =>
    persist(held, context, () => dedup.reserve(key, claimed.deliveryId, insteadOf));
  let reservation = await reserve();
  for (let looks = 1; reservation.kind === "duplicate"; looks++) {
    const { of } = reservation;
    const fate = await persist(held, context, () => fates.add(of));
    // A replay goes out whoever has the key; its own key is for equal notices that come later.
    if (claimed.replayed && fate.kind !== "unsent") break;
    if (fate.kind === "sent") return { end: { state: "deduplicated", duplicateOf: of, unmade: true } };
    if (fate.kind === "open" && (fate.forMs > 0 || looks > 1)) {
      return { end: { state: "pending", waitMs: fate.forMs + lookAgainMs, unmade: true } };
    }
    if (fate.kind === "open") await sleep(momentMs);
    reservation = await reserve(fate.kind === "unsent" ? of : undefined);
  }
  return cleared(reservation.kind === "unavailable");
}
