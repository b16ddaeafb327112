import { execFile } from "node:child_process";
import { promisify } from "node:util";
import { startPostgres } from "../../test/support/postgres.ts";
import { type Redis, startRedis } from "../../test/support/redis.ts";
import { startPeer } from "../peer.ts";
import type { WorkerArguments, WorkerMethods } from "../workers/job.ts";
import { missingPackages } from "./installed.ts";
import { type Side, type Surroundings, startTogether } from "./side.ts";

const run = promisify(execFile);

/** Redis writes every command to disk before it answers: what makes an acknowledgement mean something. */
export const bullmq: Side = {
  name: "bullmq",
  kind: "alternative",
  durable: true,
  missing: () => missingPackages("redis-server"),
  start: (surroundings) =>
    startTogether(async (parts) => {
      const redis = await startRedis();
      parts.push(redis);
      await makeDurable(redis);
      parts.push(await startWorker("bullmq", redis.url, surroundings));
      return { entries: [{ name: "add", module: "bullmq", options: { redis: redis.url } }] };
    }),
};

export const graphileWorker = onPostgres("graphile-worker", "addJob");
export const pgBoss = onPostgres("pg-boss", "send");

/** A library whose queue is in PostgreSQL, with a worker process of its own. */
function onPostgres(name: "graphile-worker" | "pg-boss", entry: string): Side {
  return {
    name,
    kind: "alternative",
    durable: true,
    missing: () => missingPackages("postgresql"),
    start: (surroundings) =>
      startTogether(async (parts) => {
        const postgres = await startPostgres({ fsync: true });
        parts.push(postgres);
        parts.push(await startWorker(name, postgres.url, surroundings));
        return {
          entries: [{ name: entry, module: name, options: { database: postgres.url } }],
        };
      }),
  };
}

async function startWorker(library: string, queue: string, { sink, concurrency }: Surroundings) {
  const args: WorkerArguments = { queue, sink, concurrency };
  const worker = startPeer<WorkerMethods>(`workers/${library}.ts`, args);
  try {
    await worker.call("start", undefined);
    return worker;
  } catch (error) {
    await worker.close();
    throw error;
  }
}

async function makeDurable({ url }: Redis): Promise<void> {
  for (const [setting, value] of [
    ["appendonly", "yes"],
    ["appendfsync", "always"],
  ] as const) {
    await run("redis-cli", ["-u", url, "config", "set", setting, value]);
  }
}
