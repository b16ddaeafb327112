import type { Logger } from "pino";
import { type AdminTools, runAdminCommand } from "./admin.ts";
import { createAddressGuard } from "./channels/address-guard.ts";
import { createSenders } from "./channels/senders.ts";
import { type Config, ConfigError, readConfig, redactConfig } from "./config.ts";
import { openControlSocket } from "./control-socket.ts";
import { keptEncryptionKey, makeDataDir } from "./data-dir.ts";
import { makeFirstTenant } from "./first-tenant.ts";
import { registerDatabaseMetrics } from "./observability/database-metrics.ts";
import { createLogger } from "./observability/logger.ts";
import { createMetrics } from "./observability/metrics.ts";
import { createTracing } from "./observability/tracing.ts";
import { assertFree } from "./server/assert-free.ts";
import { createConsolePages } from "./server/console-pages.ts";
import { createMetricsPage } from "./server/metrics-page.ts";
import { createCallObserver } from "./server/observe-call.ts";
import { createOpenApiPages } from "./server/openapi-pages.ts";
import { type Server, startServer } from "./server/server.ts";
import type { Pages } from "./server/server-options.ts";
import { createAuthenticator } from "./services/authenticator.ts";
import type { Authenticate } from "./services/caller.ts";
import { createFieldValidator } from "./services/field-validator.ts";
import { createKeyGuessing } from "./services/key-guessing.ts";
import { createKeyUsage } from "./services/key-usage.ts";
import { createRateLimiter } from "./services/rate-limit.ts";
import { createRedisAccount } from "./services/rate-limit-redis.ts";
import { registerServices } from "./services/services.ts";
import { type ApiKeys, createApiKeys } from "./store/api-keys.ts";
import { openDatabase } from "./store/database.ts";
import type { HandOver } from "./store/ingest.ts";
import { createSecretBox } from "./store/secret-box.ts";
import { assertSecretsOpen } from "./store/secret-rotation.ts";
import { resumeCounting } from "./store/statistics.ts";
import { createStore } from "./store/store.ts";
import { isDatabaseUnavailable } from "./store/unavailable.ts";
import { version } from "./version.ts";
import { welcome } from "./welcome.ts";
import { startWorker, type WorkerOptions } from "./worker/worker.ts";

/** Ends something that was started; called in the reverse order of the starts. */
type Closer = () => Promise<unknown>;

interface Parts extends WorkerOptions {
  keys: ApiKeys;
}

/** Starts what the role asks for. What was started is in `closers`, also when the start fails. */
async function start(config: Config, log: Logger, closers: Closer[]): Promise<void> {
  makeDataDir(config.dataDir);
  const parts = await open(config, log, closers);
  const credentials = await parts.database.exclusively(() => makeFirstTenant(parts.keys, config));

  const worker = config.role === "api" ? undefined : await startWorker(parts);
  if (worker) closers.unshift(() => worker.stop(config.shutdownGraceMs));
  const server = await serve(parts, closers, worker?.handOver);
  if (config.tls) process.on("SIGHUP", server.reloadCertificate);
  // Together: calls that end slowly must not keep the worker claiming.
  closers.unshift(() => Promise.all([server.close(), worker?.stop(config.shutdownGraceMs)]));
  process.stdout.write(welcome(server.url, config.dataDir, credentials, parts.database.embedded));
  process.stdout.write(`ready ${server.url}\n`);
}

async function open(config: Config, log: Logger, closers: Closer[]): Promise<Parts> {
  let tools: AdminTools | undefined;
  if (config.databaseUrl === undefined) {
    // Comes before the database is opened: two processes on one folder would destroy it.
    const control = await openControlSocket(config.dataDir, (command, args) => {
      if (!tools) throw new Error("The service is still starting, try again");
      return runAdminCommand(tools, command, args);
    });
    closers.unshift(control.close);
  }
  await assertFree(config.listen);
  const tracing = await createTracing(process.env, log);
  closers.unshift(tracing.close);
  const database = await openDatabase({ ...config, log });
  closers.unshift(database.close);
  const migrations = await database.migrate().catch(nameDatabase);
  if (migrations.length > 0) log.info({ migrations }, "database migrated");
  await database.exclusively(() => resumeCounting(database));
  const keys = createApiKeys(database);
  const box = createSecretBox(config.encryptionKeys ?? [keptEncryptionKey(config.dataDir)]);
  await assertSecretsOpen(database, box);
  tools = { keys, database, box: () => box };
  const guard = createAddressGuard({ allow: config.allowDestinations });
  if (config.allowLoopback) log.warn(loopbackAllowed);
  const metrics = createMetrics();
  registerDatabaseMetrics(metrics.registry, database, log);
  return { config, database, keys, box, guard, metrics, tracing, log };
}

function nameDatabase(error: Error): never {
  if (!isDatabaseUnavailable(error)) throw error;
  throw new Error(`the database of DATABASE_URL does not answer: ${error.message}`, { cause: error });
}

const loopbackAllowed =
  "channels may point to this machine's own loopback addresses, since this looks like a trial: set JITSUDO_ALLOW_DESTINATIONS for use by others";

async function serve(parts: Parts, closers: Closer[], handOver: HandOver | undefined): Promise<Server> {
  const { config, database, box, guard, metrics, tracing, log } = parts;
  const store = createStore(database, box, {
    onBatch: (size) => metrics.batchSize.observe({ batch: "ingest" }, size),
    maxChannels: config.maxChannels,
    handOver,
  });
  // Of its own, beside the worker's: they connect to nothing until somebody tests a channel.
  const senders = createSenders({
    timeoutMs: Math.min(config.attemptTimeoutMs, config.requestTimeoutMs),
    guard,
    snsCredentials: config.snsCredentials,
  });
  closers.unshift(senders.close);
  const validate = createFieldValidator();
  const services = {
    store,
    validate,
    checkDestination: guard.check,
    metrics,
    snsCredentials: config.snsCredentials,
    maxAgeMs: config.maxAgeMs,
    maxChannels: config.maxChannels,
    send: senders.send,
  };
  const server = await startServer({
    ...config.listen,
    tls: config.tls,
    // A worker answers health checks and metrics alone.
    routes: (router) => {
      if (config.role !== "worker") registerServices(router, services);
    },
    authenticate: openAuthenticator(parts, closers),
    validate,
    observe: createCallObserver(metrics, tracing),
    ready: database.ping,
    maxBodyBytes: config.maxBodyBytes,
    requestTimeoutMs: config.requestTimeoutMs,
    shutdownGraceMs: config.shutdownGraceMs,
    pages: pagesOf(parts),
    log,
  });
  // Together: who watches would otherwise keep the server from closing.
  const close = async () => void (await Promise.all([server.close(), store.close()]));
  return { ...server, close };
}

/** The pages beside the API; a worker has no API to describe. */
function pagesOf({ config, metrics, log }: Parts): Pages {
  const metricsPage = createMetricsPage(metrics.registry, log);
  if (config.role === "worker") return metricsPage;
  const pages = [metricsPage, createOpenApiPages(), createConsolePages()];
  return (request, response) => pages.some((page) => page(request, response));
}

function openAuthenticator({ config, keys, metrics, log }: Parts, closers: Closer[]): Authenticate {
  const shared = config.redisUrl === undefined ? undefined : createRedisAccount(config.redisUrl, log);
  const limiter = createRateLimiter({ ...(shared && { shared }), log });
  const usage = createKeyUsage({ write: keys.recordUse, log });
  closers.unshift(limiter.close, usage.close);
  const callsPerSecond = config.rateLimitPerSecond;
  const guessing = createKeyGuessing();
  const authenticate = createAuthenticator({ keys, limiter, guessing, usage, callsPerSecond });
  return async (...credentials) => {
    const answer = await authenticate(...credentials);
    if (answer.kind !== "ok") metrics.refusals.inc({ reason: answer.kind });
    return answer;
  };
}

async function closeAll(closers: Closer[]): Promise<void> {
  for (const close of closers) await close();
}

/**
 * Signals within this time are one: at Ctrl-C a terminal sends SIGINT to npm and to the
 * service that it runs, and npm passes its own on.
 */
const sameWishMs = 1_000;

async function main(): Promise<void> {
  const config = readConfig(process.env);
  const log = createLogger(config);
  log.info({ version, ...redactConfig(config) }, "starting");
  const closers: Closer[] = [];

  let stoppingSince: number | undefined;
  function stop(signal: NodeJS.Signals): void {
    if (stoppingSince !== undefined) {
      if (performance.now() - stoppingSince < sameWishMs) return;
      // Whoever asks twice does not want to wait; what is under way is recovered by its lease.
      process.exit(1);
    }
    stoppingSince = performance.now();
    log.info({ signal }, "stopping");
    closeAll(closers).then(
      () => process.exit(0),
      (error: Error) => {
        log.error({ err: error.message }, "the stop failed");
        process.exit(1);
      },
    );
  }
  process.on("SIGTERM", stop);
  process.on("SIGINT", stop);

  try {
    await start(config, log, closers);
  } catch (error) {
    if (stoppingSince !== undefined) return;
    await closeAll(closers);
    throw error;
  }
}

main().catch((error: NodeJS.ErrnoException) => {
  const hint = error.code === "EADDRINUSE" ? " (JITSUDO_LISTEN takes another one)" : "";
  process.stderr.write(
    `${error instanceof ConfigError ? error.message : `Cannot start: ${error.message}${hint}`}\n`,
  );
  // What a failed start has left behind must not keep the process alive.
  process.exit(1);
});
