import { Logger, makeWorkerUtils } from "graphile-worker";
import { type BenchEvent, fanoutOf } from "../event.ts";
import { graphileTask } from "../workers/names.ts";
import { type Driver, option } from "./driver.ts";

/** Adds one job a notice; the jobs of one call go in one statement (`addJobs`). */
export async function open(options: Record<string, string>): Promise<Driver> {
  const utils = await makeWorkerUtils({
    connectionString: option(options, "database"),
    maxPoolSize: 10,
    logger: new Logger(() => () => {}),
  });
  return {
    async send(events) {
      const jobs = events.flatMap(payloadsOf);
      if (jobs.length === 1) await utils.addJob(graphileTask, jobs[0], { maxAttempts: 3 });
      else {
        await utils.addJobs(jobs.map((payload) => ({ identifier: graphileTask, payload, maxAttempts: 3 })));
      }
    },
    close: async () => utils.release(),
  };
}

function payloadsOf(event: BenchEvent) {
  return Array.from({ length: fanoutOf(event) }, (_, path) => ({ path, event }));
}
