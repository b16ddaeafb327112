import { v4 as uuidv4 } from "uuid";
import type { Claimed } from "../store/delivery-queue.ts";
import type { HandOver } from "../store/ingest.ts";
import type { Lanes } from "./lanes.ts";

export interface HandOverOptions {
  lanes: Lanes;
  /** How long what was handed over is held without being renewed. */
  leaseMs: number;
  /** Failed attempts in a row from which on a channel gets nothing by this way. */
  breakerFailures: number;
  /** Whether deliveries that wait to be claimed need the process's slots more. */
  starved(urgent: boolean): boolean;
  /** Takes a delivery on that was asked for at `askedAt` (`performance.now()`). */
  take(claimed: Claimed, leaseToken: string, askedAt: number): void;
  /** Somebody has to give back what is held with this token. */
  lost(leaseToken: string): void;
}

/**
 * Lets events that are stored by this process bring their deliveries along, claimed: an
 * idle service sends a notice as soon as it is committed. Statements that run at the
 * same time are offered the same room, since most need little of it: at worst a few deliveries
 * are held that have to wait for a slot.
 */
export function createHandOver(options: HandOverOptions) {
  const { lanes, leaseMs } = options;
  const unanswered = new Set<Promise<void>>();
  let closed = false;

  const room = (urgent: boolean) => (options.starved(urgent) ? 0 : Math.max(0, lanes.free(urgent)));

  const handOver: HandOver = {
    offer() {
      const urgent = room(true);
      const normal = room(false);
      if (closed || urgent + normal === 0) return undefined;
      const answer = Promise.withResolvers<void>();
      unanswered.add(answer.promise);
      const leaseToken = uuidv4();
      const askedAt = performance.now();

      function end(): void {
        unanswered.delete(answer.promise);
        answer.resolve();
      }

      return {
        leaseToken,
        leaseMs,
        urgent,
        normal,
        ...lanes.room(),
        failures: options.breakerFailures,
        accept(taken) {
          for (const claimed of taken) options.take(claimed, leaseToken, askedAt);
          end();
        },
        lost() {
          options.lost(leaseToken);
          end();
        },
      };
    },
  };

  return {
    ...handOver,
    /** Resolves when nothing more will be handed over. */
    async close(): Promise<void> {
      closed = true;
      await Promise.all(unanswered);
    },
  };
}
