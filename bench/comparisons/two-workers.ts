import { loadsOf, measureRepeatedly } from "../loads.ts";
import { missingPackages } from "../sides/installed.ts";
import { startServiceSide } from "../sides/service.ts";
import type { Comparer } from "./comparison.ts";

/** What a second worker process adds beside one API process. Where cores are missing, it can add nothing. */
export const twoWorkers: Comparer = {
  name: "two-workers",
  missing: () => missingPackages("postgresql", "redis-server"),
  async compare({ instruments, surroundings, options }) {
    const side = await startServiceSide(surroundings, ["api", "worker"]);
    try {
      const load = loadsOf(options).batch;
      const one = await measureRepeatedly(instruments, side.stream, load, options.repeat);
      await side.startProcess("worker");
      const two = await measureRepeatedly(instruments, side.stream, load, options.repeat);
      return [
        {
          what: `delivered by one API process and its workers, gRPC streams, ${load.batch} a call`,
          unit: "notices/s",
          subject: { label: "two workers", value: two.noticesPerSecond },
          reference: { label: "one worker", value: one.noticesPerSecond },
        },
      ];
    } finally {
      await side.close();
    }
  },
};
