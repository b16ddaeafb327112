import { setTimeout as sleep } from "node:timers/promises";
import { isDatabaseUnavailable } from "../store/unavailable.ts";
import type { Held, LoopContext } from "./attempt-loop.ts";

/** While the database is away, writes are tried again this often. */
const writeAgainMs = 250;

/**
 * Asks the database about a delivery or writes what is known of it, and goes on
 * trying while the database is away: a result that is not written is a notice that
 * is sent twice. Gives up with the database's error when the lease runs out, since
 * the delivery may be another worker's from then on, and when trying is of no use.
 */
export async function persist<Result>(
  { lease }: Held,
  { leases, failed }: LoopContext,
  write: () => Promise<Result>,
): Promise<Result> {
  while (true) {
    try {
      return await write();
    } catch (error) {
      if (!leases.holds(lease) || !isDatabaseUnavailable(error)) throw error;
      failed("warn", { deliveryId: lease.deliveryId }, error, "the database is away, trying again");
      await sleep(writeAgainMs);
    }
  }
}
