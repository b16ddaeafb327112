import type { DeliveryQueue, WaitingChannel } from "../store/delivery-queue.ts";
import type { LoopContext } from "./attempt-loop.ts";

const batch = 1_000;

/**
 * Cancels what waits for channels that were disabled or deleted, beside the claims, which wait
 * for nobody's cancelling. `onMore`: a channel has more of it than one statement takes.
 */
export function createCancelling(
  queue: DeliveryQueue,
  { metrics, stopping, failed, log }: Pick<LoopContext, "metrics" | "stopping" | "failed" | "log">,
  onMore: () => void,
) {
  let running: Promise<void> | undefined;

  async function cancelAll(channelIds: Set<string>): Promise<void> {
    for (const channelId of channelIds) {
      if (stopping.aborted) return;
      const cancelled = await queue.cancel(channelId, batch);
      metrics.deliveriesSwept.inc({ state: "cancelled" }, cancelled);
      log.info({ channelId, cancelled }, "cancelled deliveries of an inactive channel");
      if (cancelled === batch) onMore();
    }
  }

  return {
    /** Begins with those that are not active, unless the last time is not over yet. */
    begin(waiting: WaitingChannel[]): void {
      const ids = new Set(waiting.filter(({ active }) => !active).map(({ channelId }) => channelId));
      if (ids.size === 0 || running) return;
      running = cancelAll(ids)
        .catch((error: unknown) => {
          failed("error", {}, error, "cannot cancel deliveries of inactive channels, trying again");
        })
        .finally(() => {
          running = undefined;
        });
    },

    /** Resolves when what was begun has ended. */
    idle: async () => running,
  };
}
