import { Queue } from "bullmq";
import { type BenchEvent, fanoutOf } from "../event.ts";
import { bullmqQueue } from "../workers/names.ts";
import { type Driver, option } from "./driver.ts";

/** Adds one job a notice; the jobs of one call go in one transaction (`addBulk`). */
export async function open(options: Record<string, string>): Promise<Driver> {
  const queue = new Queue(bullmqQueue, { connection: { url: option(options, "redis") } });
  await queue.waitUntilReady();
  return {
    async send(events) {
      const jobs = events.flatMap(jobsOf);
      const [first] = jobs;
      if (jobs.length === 1 && first) await queue.add(first.name, first.data, first.opts);
      else await queue.addBulk(jobs);
    },
    close: () => queue.close(),
  };
}

function jobsOf(event: BenchEvent) {
  return Array.from({ length: fanoutOf(event) }, (_, path) => ({
    name: "notify",
    data: { path, event },
    opts: { attempts: 3, backoff: { type: "exponential", delay: 1_000 }, removeOnComplete: true },
  }));
}
