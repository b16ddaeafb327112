import type { Logger } from "pino";
import { inBatches } from "../async/in-batches.ts";
import { repeat } from "../async/repeat.ts";
import { createFailureLog } from "../observability/failure-log.ts";
import type { Metrics } from "../observability/metrics.ts";
import type { DeliveryQueue } from "../store/delivery-queue.ts";

export interface MaintenanceOptions {
  queue: DeliveryQueue;
  /** How often leases that ran out and notices that became useless are looked for. */
  everyMs: number;
  /** What is done as often beside that. */
  often: (() => Promise<unknown>)[];
  /** What is done once in a while beside that, such as retention. */
  chores: (() => Promise<unknown>)[];
  /** Aborted when the process stops: what has many batches to do leaves the rest. */
  stopping: AbortSignal;
  /** Called when there is work again. */
  onRecovered(): void;
  metrics: Metrics;
  log: Logger;
}

const batch = 1_000;
const choresEveryMs = 60_000;

/**
 * What every worker process does beside sending. All of it may run in many
 * processes at once: each takes rows that no other is working on.
 */
export function startMaintenance(options: MaintenanceOptions): { close(): Promise<void> } {
  const { queue, metrics, log } = options;

  const failed = createFailureLog(log);
  const warn = (error: Error) => failed("warn", {}, error, "maintenance failed, trying again");
  const timers = [
    repeat(options.everyMs, recoverLost, warn),
    repeat(options.everyMs, expireStale, warn),
    ...options.often.map((work) => repeat(options.everyMs, work, warn)),
    ...options.chores.map((chore) => repeat(choresEveryMs, chore, warn)),
  ];

  async function recoverLost(): Promise<void> {
    const recoverBatch = async () => {
      const { recovered, failed } = await queue.recover(batch);
      if (recovered === 0) return 0;
      metrics.leasesRecovered.inc(recovered);
      count("failed", failed);
      log.warn(
        { recovered, failed: failed.map(({ deliveryId }) => deliveryId) },
        "took deliveries over from workers that were lost",
      );
      options.onRecovered();
      return recovered;
    };
    await inBatches(batch, recoverBatch, options.stopping);
  }

  async function expireStale(): Promise<void> {
    const expireBatch = async () => {
      const expired = await queue.expire(batch);
      count("expired", expired);
      return expired.length;
    };
    await inBatches(batch, expireBatch, options.stopping);
  }

  function count(state: "failed" | "expired", swept: { urgent: boolean }[]): void {
    metrics.deliveriesSwept.inc({ state }, swept.length);
    metrics.breakGlassUnsent.inc({ state }, swept.filter(({ urgent }) => urgent).length);
  }

  return {
    async close() {
      await Promise.all(timers.map((timer) => timer.close()));
    },
  };
}
