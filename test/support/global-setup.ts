import { join } from "node:path";
import type { TestProject } from "vitest/node";
import { startPostgres } from "./postgres.ts";
import { startRedis } from "./redis.ts";
import { makeTempDir, removeDir } from "./temp-dir.ts";

declare module "vitest" {
  interface ProvidedContext {
    /** A PostgreSQL for the whole run: make a database of your own in it with `createDatabase`. */
    postgresUrl: string;
    /** A Redis for the whole run, with the keys of all tests in it. */
    redisUrl: string;
    /** A folder for the whole run, for what is costly to make and used by several files. */
    sharedDir: string;
  }
}

/** Starts one PostgreSQL and one Redis for the run. Tests that stop or pause a server start their own. */
export default async function setup(project: TestProject): Promise<() => Promise<void>> {
  const postgres = await startPostgres();
  const redis = await startRedis();
  const sharedDir = await makeTempDir();
  // The service is started hundreds of times, each a second of processor time cheaper when its code is compiled.
  process.env.NODE_COMPILE_CACHE = join(sharedDir, "compiled");
  project.provide("postgresUrl", postgres.url);
  project.provide("redisUrl", redis.url);
  project.provide("sharedDir", sharedDir);
  return async () => {
    await redis.close();
    await postgres.close();
    removeDir(sharedDir);
  };
}
