import { randomBytes } from "node:crypto";
import { startPostgres } from "../../test/support/postgres.ts";
import { startRedis } from "../../test/support/redis.ts";
import { type Service, startService } from "../../test/support/service.ts";
import { fannedOutType } from "../event.ts";
import { missingPackages } from "./installed.ts";
import { type Entry, type RunningSide, type Side, type Surroundings, startTogether } from "./side.ts";

type Role = "all" | "api" | "worker";

/** The service with its own PostgreSQL and Redis, and access to what only comparisons need. */
export interface RunningService extends RunningSide {
  /** The first of the entries. */
  stream: Entry;
  databaseUrl: string;
  tenantId: string;
  /** Adds a process, which may end before the side does. */
  startProcess(role: Role): Promise<{ close(): Promise<void> }>;
}

/** One process that does everything. */
export const service: Side = {
  name: "service",
  kind: "service",
  durable: true,
  missing: () => missingPackages("postgresql", "redis-server"),
  start: async (surroundings) => {
    const running = await startServiceSide(surroundings, ["all"]);
    return { ...running, entries: allEntries(running.stream) };
  },
};

/** Three processes; whether that helps is a question of cores. */
export const serviceApart: Side = {
  ...service,
  name: "service-apart",
  start: (surroundings) => startServiceSide(surroundings, ["api", "worker", "worker"]),
};

/** One process with the database inside. */
export const embedded: Side = {
  name: "embedded",
  kind: "service",
  durable: true,
  missing: () => [],
  start: (surroundings) =>
    startTogether(async (parts) => {
      const process = await startProcess(surroundings, {});
      parts.push(process);
      return { entries: [(await prepare(process, surroundings)).stream] };
    }),
};

/** PostgreSQL forces its commits to disk, as a normal installation does. The first role must be "all" or "api". */
export function startServiceSide(surroundings: Surroundings, roles: Role[]): Promise<RunningService> {
  return startTogether(async (parts) => {
    const postgres = await startPostgres({ fsync: true });
    parts.push(postgres);
    const redis = await startRedis();
    parts.push(redis);
    const env = {
      DATABASE_URL: postgres.url,
      REDIS_URL: redis.url,
      JITSUDO_ENCRYPTION_KEYS: randomBytes(32).toString("base64"),
    };
    const start = async (role: Role) => {
      const process = await startProcess(surroundings, { ...env, JITSUDO_ROLE: role });
      parts.push(process);
      return process;
    };
    const [first = "all", ...others] = roles;
    const { stream, tenantId } = await prepare(await start(first), surroundings);
    for (const role of others) await start(role);
    return {
      entries: [stream],
      stream,
      databaseUrl: postgres.url,
      tenantId,
      startProcess: start,
    };
  });
}

async function startProcess(
  { concurrency, profileDir }: Surroundings,
  env: Record<string, string>,
): Promise<Pick<Service, "url" | "credentials" | "close">> {
  const process = await startService({
    env: {
      JITSUDO_LOG_LEVEL: "warn",
      JITSUDO_CHANNEL_CONCURRENCY: String(concurrency),
      JITSUDO_SHUTDOWN_GRACE_MS: "1000",
      // Calls are counted as ever, but a fast machine must not meet the limit.
      JITSUDO_RATE_LIMIT_PER_SECOND: "1000000",
      ...(profileDir && { NODE_OPTIONS: `--cpu-prof --cpu-prof-dir=${profileDir}` }),
      ...env,
    },
  });
  return {
    ...process,
    async close() {
      // A stop in good order also writes the profile.
      await process.stop();
      await process.close();
    },
  };
}

/** Makes the three channels: one wants every event, two want those that are fanned out. */
async function prepare(
  { url, credentials }: Pick<Service, "url" | "credentials">,
  { sink }: Surroundings,
): Promise<{ stream: Entry; tenantId: string }> {
  const { api_key: apiKey, tenant_id: tenantId } = await credentials();
  for (const [path, event_filters] of [[], [fannedOutType], [fannedOutType]].entries()) {
    const response = await fetch(`${url}/v1/notification-channels/generic-webhook`, {
      method: "POST",
      headers: { "content-type": "application/json", "x-api-key": apiKey, "x-tenant-id": tenantId },
      body: JSON.stringify({ name: `sink ${path}`, url: `${sink}/${path}`, event_filters }),
    });
    if (response.status !== 201) throw new Error(`No channel: ${await response.text()}`);
  }
  return {
    stream: {
      name: "gRPC streams",
      module: "grpc-stream",
      options: { url, apiKey, tenantId },
    },
    tenantId,
  };
}

/** All ways in, each with the options of the one that is known. */
function allEntries(stream: Entry): Entry[] {
  return [
    stream,
    { ...stream, name: "gRPC unary, grpc-js", module: "grpc-js-unary" },
    { ...stream, name: "gRPC unary, Connect", module: "connect-unary" },
    { ...stream, name: "REST", module: "rest" },
  ];
}
