import { randomBytes } from "node:crypto";
import { pino } from "pino";
import { createApiKeys } from "../../src/store/api-keys.ts";
import { type Database, openDatabase } from "../../src/store/database.ts";
import { createTenant, type Tenant } from "../reliability/support/tenant.ts";
import { startPostgres } from "../support/postgres.ts";
import { createRandom } from "../support/random.ts";
import { startRedis } from "../support/redis.ts";
import { makeTempDir, removeDir } from "../support/temp-dir.ts";
import { until } from "../support/until.ts";
import { type Disturbed, disturb } from "./disturbances.ts";
import { type Behaviour, behaviours, startEndpoints } from "./endpoints.ts";
import { createEventPlan, filters } from "./events.ts";
import { startFleet } from "./fleet.ts";
import type { ChaosOptions } from "./options.ts";
import { type Reconciled, reconcile } from "./reconcile.ts";
import { type Takeovers, watchTakeovers } from "./takeovers.ts";
import { startTraffic } from "./traffic.ts";

export interface Outcome {
  options: ChaosOptions;
  seconds: { sending: number; draining: number };
  disturbed: Disturbed;
  reconciled: Reconciled;
  takeovers: Takeovers;
  resent: number;
  longestGapMs: number;
  /** Requests to where a redirect pointed. */
  followed: number;
}

export const leaseMs = 1_500;
export const pollMs = 250;
const everyMs = 2_000;
const sendLimitMs = 30 * 60_000;
const drainLimitMs = 5 * 60_000;

const settings = {
  JITSUDO_LEASE_MS: String(leaseMs),
  JITSUDO_POLL_MS: String(pollMs),
  JITSUDO_ATTEMPT_TIMEOUT_MS: "700",
  JITSUDO_BACKOFF_BASE_MS: "100",
  JITSUDO_BACKOFF_MAX_MS: "500",
  JITSUDO_BREAKER_FAILURES: "20",
  JITSUDO_BREAKER_OPEN_MS: "200",
  JITSUDO_BREAKER_MAX_OPEN_MS: "500",
  JITSUDO_REQUEST_TIMEOUT_MS: "5000",
  JITSUDO_DATABASE_POOL: "6",
  JITSUDO_LOG_LEVEL: "silent",
};

/** Runs the whole programme: start, traffic with disturbances, drain, reconciliation. Leaves nothing behind. */
export async function createChaos(options: ChaosOptions, log: (line: string) => void): Promise<Outcome> {
  const closers: (() => unknown)[] = [];
  try {
    return await run(options, log, closers);
  } finally {
    for (const close of closers.reverse()) await close();
  }
}

async function run(
  options: ChaosOptions,
  log: (line: string) => void,
  closers: (() => unknown)[],
): Promise<Outcome> {
  const random = createRandom(options.seed);
  const postgres = await startPostgres();
  closers.push(postgres.close);
  const redis = await startRedis();
  closers.push(redis.close);
  // Numbers of its own: requests come in an order that is not the seed's.
  const endpoints = await startEndpoints(createRandom(options.seed).chance);
  closers.push(endpoints.close);
  const databaseUrl = await postgres.createDatabase();
  const fleet = await startFleet(
    { api: 1, all: 2, worker: 2 },
    {
      ...settings,
      DATABASE_URL: databaseUrl,
      REDIS_URL: redis.url,
      JITSUDO_ENCRYPTION_KEYS: randomBytes(32).toString("base64"),
    },
  );
  closers.push(fleet.close);
  const dataDir = await makeTempDir();
  closers.push(() => removeDir(dataDir));
  const database = await openDatabase({ databaseUrl, dataDir, poolSize: 2, log: pino({ level: "silent" }) });
  closers.push(database.close);
  const tenant = await createTenant(createApiKeys(database), fleet.apiUrls()[0] ?? "");
  const channels = await createChannels(tenant, endpoints.urlOf);
  log(
    `1 API process, 2 workers and 2 of both run; sending ${options.events} events with ${options.kills} kills, seed ${options.seed}`,
  );

  const startedAt = performance.now();
  const takeovers = watchTakeovers(database);
  const plan = createEventPlan(options.events, random);
  const seconds = Math.max(10, (options.kills * everyMs * 2) / 1000);
  const traffic = startTraffic({
    plan,
    urls: fleet.apiUrls,
    apiKey: tenant.apiKey,
    tenantId: tenant.id,
    eventsPerSecond: options.events / seconds,
  });
  const disturbing = disturb({
    fleet,
    postgres,
    redis,
    random: createRandom(options.seed + 1),
    kills: options.kills,
    leaseMs,
    everyMs,
  });
  const progress = setInterval(() => log(`${traffic.acknowledged()} events acknowledged`), 30_000);
  closers.push(() => clearInterval(progress));
  const [disturbed] = await Promise.all([disturbing, within(sendLimitMs, traffic.finished)]);
  const sentAt = performance.now();
  log(`all ${traffic.acknowledged()} acknowledged and all disturbances over; waiting for the queue to empty`);

  await until(() => isEmpty(database), { timeoutMs: drainLimitMs, intervalMs: 250 });
  const drainedAt = performance.now();
  return {
    options,
    seconds: { sending: (sentAt - startedAt) / 1000, draining: (drainedAt - sentAt) / 1000 },
    disturbed,
    reconciled: await reconcile({ database, events: plan.events, seen: endpoints.seen, channels }),
    takeovers: await takeovers.stop(disturbed.postgresAway),
    resent: traffic.resent(),
    longestGapMs: traffic.longestGapMs(),
    followed: endpoints.followed(),
  };
}

async function createChannels(
  tenant: Tenant,
  urlOf: (behaviour: Behaviour) => string,
): Promise<Record<Behaviour, string>> {
  const ids: Partial<Record<Behaviour, string>> = {};
  for (const behaviour of behaviours) {
    ids[behaviour] = await tenant.webhook(urlOf(behaviour), {
      event_filters: filters[behaviour],
      ordered: behaviour !== "also-good",
    });
  }
  return ids as Record<Behaviour, string>;
}

async function isEmpty(database: Database): Promise<boolean> {
  const [row] = await database.query<{ open: boolean }>({
    name: "",
    text: "select exists (select 1 from delivery_queue) as open",
  });
  return row?.open === false;
}

async function within<Value>(ms: number, work: Promise<Value>): Promise<Value> {
  const late = Promise.withResolvers<never>();
  const timer = setTimeout(
    () => late.reject(new Error(`Not all was acknowledged within ${ms / 1000} s`)),
    ms,
  );
  try {
    return await Promise.race([work, late.promise]);
  } finally {
    clearTimeout(timer);
  }
}
