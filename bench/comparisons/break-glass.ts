import { batchCalls } from "../loads.ts";
import { closeEntry, type Instruments, type Measurement, measure, openEntry } from "../measure.ts";
import type { Options } from "../options.ts";
import { missingPackages } from "../sides/installed.ts";
import { type RunningService, startServiceSide } from "../sides/service.ts";
import { closeAll } from "../sides/side.ts";
import type { Comparer } from "./comparison.ts";
import { withDatabase } from "./with-database.ts";

/** Events a second: far below what the service can do, so that they wait for nothing of their own. */
const ratePerSecond = 20;

/** What a backlog on the same channel does to the notices that must not wait. */
export const breakGlass: Comparer = {
  name: "break-glass",
  missing: () => missingPackages("postgresql", "redis-server"),
  async compare({ instruments, surroundings, options }) {
    const side = await startServiceSide(surroundings, ["api"]);
    try {
      await openEntry(instruments, side.stream, options.concurrency);
      const idle = await sendUrgent(instruments, side, options);
      await fillQueue(instruments, options);
      const busy = await sendUrgent(instruments, side, options);
      const left = await countWaiting(side);
      return [
        {
          what: "break-glass p99, from acknowledgement to arrival",
          unit: "ms",
          subject: {
            label: `${options.backlog.toLocaleString("en")} notices wait (${left.toLocaleString("en")} left at the end)`,
            value: busy.delivery.p99,
          },
          reference: { label: "idle", value: idle.delivery.p99 },
        },
      ];
    } finally {
      await closeAll([side, { close: () => closeEntry(instruments) }]);
    }
  },
};

/** Starts a worker, sends break-glass events at once, and stops the worker. */
async function sendUrgent(
  instruments: Instruments,
  side: RunningService,
  { concurrency, urgent }: Options,
): Promise<Measurement> {
  const worker = await side.startProcess("worker");
  const load = { type: "request.break_glass", batch: 1, calls: concurrency, ratePerSecond } as const;
  const measured = await measure(instruments, { ...load, events: urgent });
  await worker.close();
  return measured;
}

/** While there is no worker. Nobody waits for these notices to arrive. */
async function fillQueue(instruments: Instruments, { backlog }: Options): Promise<void> {
  const load = { type: "request.approved", batch: 500, calls: batchCalls, delivered: false } as const;
  await measure(instruments, { ...load, events: backlog });
}

async function countWaiting({ databaseUrl }: RunningService): Promise<number> {
  const text = "select count(*)::int as count from delivery_queue";
  const [row] = await withDatabase(databaseUrl, (database) =>
    database.query<{ count: number }>({ name: "count_waiting", text }),
  );
  return row?.count ?? 0;
}
