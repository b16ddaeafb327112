import { existsSync } from "node:fs";
import { cp, mkdir, rename, writeFile } from "node:fs/promises";
import { join } from "node:path";
import { inject } from "vitest";
import { createDatabase } from "../support/postgres.ts";
import { startService } from "../support/service.ts";
import { makeTempDir, removeDir } from "../support/temp-dir.ts";
import { until } from "../support/until.ts";

/** What the service keeps its data in: all that users rely on holds for both. */
export const backends = ["embedded", "PostgreSQL and Redis"] as const;

export type Backend = (typeof backends)[number];

/** Where a service keeps its data; it outlives the service. */
export interface Home {
  readonly dataDir: string;
  /** What a service and the command line need to find it. */
  readonly env: Record<string, string>;
  remove(): void;
}

/** Makes a home without tenants but the one that the first start makes. */
export async function makeHome(backend: Backend): Promise<Home> {
  const dataDir = await makeTempDir();
  const remove = () => removeDir(dataDir);
  const env = { JITSUDO_DATA_DIR: dataDir };
  if (backend === "embedded") {
    await cp(await emptyEmbedded(), dataDir, { recursive: true });
    return { dataDir, env, remove };
  }
  const databaseUrl = await createDatabase(inject("postgresUrl"));
  return { dataDir, env: { ...env, DATABASE_URL: databaseUrl, REDIS_URL: inject("redisUrl") }, remove };
}

/**
 * The data folder after a first start, which takes long: made by whoever needs it
 * first in a run, copied by all.
 */
async function emptyEmbedded(): Promise<string> {
  const template = join(inject("sharedDir"), "embedded");
  const failed = `${template}.failed`;
  if (await isMine(`${template}.lock`)) {
    try {
      const dataDir = `${template}.new`;
      await mkdir(dataDir);
      const service = await startService({ dataDir, timeoutMs: 90_000 });
      await service.stop();
      await rename(dataDir, template);
    } catch (error) {
      await writeFile(failed, String(error));
      throw error;
    }
  }
  await until(() => existsSync(template) || existsSync(failed), { timeoutMs: 100_000 });
  if (existsSync(failed)) throw new Error("The first start in embedded mode failed in another file");
  return template;
}

/** Of all who ask, in any process, one is told yes. */
async function isMine(path: string): Promise<boolean> {
  try {
    await mkdir(path);
    return true;
  } catch (error) {
    if (error instanceof Error && "code" in error && error.code === "EEXIST") return false;
    throw error;
  }
}
