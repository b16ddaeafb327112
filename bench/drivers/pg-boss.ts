import { PgBoss } from "pg-boss";
import { type BenchEvent, fanoutOf } from "../event.ts";
import { pgBossQueue } from "../workers/names.ts";
import { type Driver, option } from "./driver.ts";

/** Adds one job a notice; the jobs of one call go in one statement (`insert`). */
export async function open(options: Record<string, string>): Promise<Driver> {
  const boss = new PgBoss({
    connectionString: option(options, "database"),
    max: 10,
    supervise: false,
    schedule: false,
  });
  boss.on("error", (error) => console.error(`pg-boss: ${error.message}`));
  await boss.start();
  return {
    async send(events) {
      const jobs = events.flatMap(jobsOf);
      const [first] = jobs;
      if (jobs.length === 1 && first) await boss.send(pgBossQueue, first.data);
      else await boss.insert(pgBossQueue, jobs);
    },
    close: () => boss.stop({ graceful: false }),
  };
}

function jobsOf(event: BenchEvent) {
  return Array.from({ length: fanoutOf(event) }, (_, path) => ({ data: { path, event } }));
}
