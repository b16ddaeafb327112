import type { Logger } from "pino";
import { createBatcher } from "../async/batcher.ts";
import type { AddressGuard } from "../channels/address-guard.ts";
import { createSenders } from "../channels/senders.ts";
import type { Config } from "../config.ts";
import type { Metrics } from "../observability/metrics.ts";
import type { Tracing } from "../observability/tracing.ts";
import { announceDisabled, disableFailing } from "../store/auto-disable.ts";
import { createChannelHealth } from "../store/channel-health.ts";
import { createChannelLoader } from "../store/channel-loader.ts";
import type { Database } from "../store/database.ts";
import { forgetChanges } from "../store/delivery-changes.ts";
import { createDeliveryQueue, type Settlement } from "../store/delivery-queue.ts";
import { deliveryTopic } from "../store/ingest.sql.ts";
import { createIngest } from "../store/ingest.ts";
import { removeOldSigningSecrets } from "../store/old-signing-secrets.ts";
import { createQueueVacuum } from "../store/queue-vacuum.ts";
import { removeOldReplays, runReplays } from "../store/replay-runner.ts";
import { removeOld } from "../store/retention.ts";
import type { SecretBox } from "../store/secret-box.ts";
import { SqlDedupStore } from "../store/sql-dedup-store.ts";
import { countStatistics, removeOldStatistics } from "../store/statistics.ts";
import { isDatabaseUnavailable } from "../store/unavailable.ts";
import { createDedup } from "./dedup.ts";
import { createLanes } from "./lanes.ts";
import { createLeases } from "./leases.ts";
import { startMaintenance } from "./maintenance.ts";
import { startNotifyWorker } from "./notify-worker.ts";
import { RedisDedupStore } from "./redis-dedup-store.ts";

/** The parts of a process that its delivering side works with. */
export interface WorkerOptions {
  config: Config;
  database: Database;
  box: SecretBox;
  guard: AddressGuard;
  metrics: Metrics;
  tracing: Tracing;
  log: Logger;
}

/** Puts the delivering side of a process together and starts it. */
export async function startWorker(options: WorkerOptions) {
  const { config, database, box, guard, metrics, tracing, log } = options;
  const queue = createDeliveryQueue(database);
  const senders = createSenders({
    timeoutMs: config.attemptTimeoutMs,
    guard,
    snsCredentials: config.snsCredentials,
  });
  const channels = createChannelLoader(database, box, senders.forget);
  const health = createChannelHealth(database, config.breaker);
  const settlements = createBatcher<Settlement, boolean>({
    run: queue.settle,
    maxItems: 500,
    isolate: (error) => !isDatabaseUnavailable(error),
    onBatch: (size) => metrics.batchSize.observe({ batch: "settle" }, size),
  });
  const beginnings = createBatcher({ run: queue.begin, maxItems: 500 });
  const fates = createBatcher({ run: queue.fatesOf, maxItems: 500 });
  const leases = createLeases(queue, config.leaseMs, log);
  const lanes = createLanes({
    concurrency: config.concurrency,
    channelConcurrency: config.channelConcurrency,
    perSecond: { slack_webhook: config.slackPerSecond },
  });
  const sqlStore = new SqlDedupStore(database);
  const redisStore = config.redisUrl === undefined ? undefined : new RedisDedupStore(config.redisUrl, log);
  redisStore?.connect();
  const dedup = createDedup(redisStore ?? sqlStore, {
    windowMs: config.dedupWindowMs,
    timeoutMs: redisStore ? config.dedupTimeoutMs : config.leaseMs,
    failOpen: redisStore !== undefined,
    log,
  });

  const worker = startNotifyWorker({
    queue,
    beginnings,
    settlements,
    fates,
    channels,
    send: senders.send,
    dedup,
    lanes,
    leases,
    observe: health.observe,
    noteFailing: health.noteFailing,
    backoff: config.backoff,
    breakerFailures: config.breaker.failures,
    leaseMs: config.leaseMs,
    pollMs: config.pollMs,
    metrics,
    tracing,
    log,
  });
  const listener = await database.listen(deliveryTopic, worker.wake);
  const stopping = new AbortController();
  const maintenance = startMaintenance({
    queue,
    everyMs: config.pollMs,
    often: [
      () => runReplays(database, stopping.signal),
      () => countStatistics(database, stopping.signal),
      createQueueVacuum(database),
      createAutoDisable(options),
    ],
    chores: [
      () => removeOld(database, config.retentionMs, stopping.signal),
      () => removeOldSigningSecrets(database),
      () => forgetChanges(database),
      () => removeOldStatistics(database, config.retentionMs),
      () => removeOldReplays(database, config.retentionMs),
      () => sqlStore.purge(stopping.signal),
      async () => lanes.sweep(),
    ],
    stopping: stopping.signal,
    onRecovered: worker.wake,
    metrics,
    log,
  });

  async function stop(graceMs: number): Promise<void> {
    stopping.abort();
    await Promise.all([maintenance.close(), worker.stop(graceMs)]);
    await Promise.all([settlements.idle(), health.idle()]);
    leases.close();
    await Promise.all([listener.close(), redisStore?.close(), senders.close()]);
  }

  let stopped: Promise<void> | undefined;
  return {
    handOver: worker.handOver,
    /**
     * Finishes or hands back what is under way, within `graceMs` and the time of a
     * few writes. May be called more than once.
     */
    stop(graceMs: number): Promise<void> {
      stopped ??= stop(graceMs);
      return stopped;
    },
  };
}

/** One round of disabling what keeps failing and of telling the tenants. */
function createAutoDisable({ config: { autoDisable, maxChannels }, database, log }: WorkerOptions) {
  const ingest = createIngest(database, { onBatch: () => undefined, maxChannels });
  return async () => {
    for (const { channelId, tenantId } of await disableFailing(database, autoDisable)) {
      log.warn({ channelId, tenantId }, "disabled a channel that kept failing");
    }
    await announceDisabled(database, ingest);
  };
}
