import { randomBytes } from "node:crypto";
import { pino } from "pino";
import { createApiKeys } from "../../../src/store/api-keys.ts";
import { openDatabase } from "../../../src/store/database.ts";
import { type Service, startService } from "../../support/service.ts";
import { makeTempDir, removeDir } from "../../support/temp-dir.ts";
import { createTenant, type Tenant } from "./tenant.ts";

/** Processes of the service that share one database, and a view of what is in it. */
export interface Cluster {
  /** Starts one more process. `env` goes over the cluster's. */
  start(role: "all" | "api" | "worker", env?: Record<string, string>): Promise<Service>;
  /** A new tenant with a key, which calls the given process. */
  tenant(service: Service): Promise<Tenant>;
  /** Runs SQL on the database, past the service. */
  sql<Row>(text: string, params?: unknown[]): Promise<Row[]>;
  /** Kills the processes. */
  close(): Promise<void>;
}

export interface ClusterOptions {
  /** An empty database. */
  databaseUrl: string;
  /** What the processes take for it, where that is another address. */
  serviceDatabaseUrl?: string;
  /** Default: dedup keys live in the database. */
  redisUrl?: string;
  env?: Record<string, string>;
}

/**
 * Times that make failures show in seconds instead of minutes. Leases and attempts have
 * theirs: a busy machine is not to look like a worker that died or an endpoint that hangs.
 */
const quick = {
  JITSUDO_POLL_MS: "200",
  JITSUDO_BACKOFF_BASE_MS: "100",
  JITSUDO_DATABASE_POOL: "6",
  JITSUDO_LOG_LEVEL: "info",
};

export async function startCluster(options: ClusterOptions): Promise<Cluster> {
  const { databaseUrl, serviceDatabaseUrl = databaseUrl, redisUrl } = options;
  const dataDir = await makeTempDir();
  const database = await openDatabase({ databaseUrl, dataDir, poolSize: 3, log: pino({ level: "silent" }) });
  const keys = createApiKeys(database);
  const services: Service[] = [];
  const shared = {
    ...quick,
    DATABASE_URL: serviceDatabaseUrl,
    JITSUDO_ENCRYPTION_KEYS: randomBytes(32).toString("base64"),
    ...(redisUrl && { REDIS_URL: redisUrl }),
    ...options.env,
  };

  return {
    async start(role, env = {}) {
      const service = await startService({ env: { ...shared, JITSUDO_ROLE: role, ...env } });
      services.push(service);
      return service;
    },
    tenant: (service) => createTenant(keys, service.url),
    sql: (text, params = []) => database.query({ name: "", text }, params),
    async close() {
      await Promise.all(services.map((service) => service.close()));
      await database.close();
      removeDir(dataDir);
    },
  };
}

/** The value of a counter or gauge on a process's metrics page, summed over its labels; 0 when it is not there. */
export async function metric({ url }: Service, name: string): Promise<number> {
  const page = await (await fetch(`${url}/metrics`)).text();
  return [...page.matchAll(new RegExp(`^${name}(?:\\{[^}]*\\})? (\\S+)$`, "gm"))]
    .map(([, value]) => Number(value))
    .reduce((sum, value) => sum + value, 0);
}
