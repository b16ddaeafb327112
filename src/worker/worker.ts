import type { Logger } from "pino";
import { createBatcher } from "../batcher.ts";
import { createSenders } from "../channels/senders.ts";
import type { Config } from "../config.ts";
import type { Metrics } from "../metrics.ts";
import { createChannelHealth } from "../store/channel-health.ts";
import { createChannelLoader } from "../store/channel-loader.ts";
import type { Database } from "../store/database.ts";
import { createDeliveryQueue, type Settlement } from "../store/delivery-queue.ts";
import { deliveryTopic } from "../store/ingest.ts";
import { removeOld } from "../store/retention.ts";
import type { SecretBox } from "../store/secret-box.ts";
import { SqlDedupStore } from "../store/sql-dedup-store.ts";
import { createDedup } from "./dedup.ts";
import { createLanes } from "./lanes.ts";
import { createLeases } from "./leases.ts";
import { startMaintenance } from "./maintenance.ts";
import { startNotifyWorker } from "./notify-worker.ts";
import { RedisDedupStore } from "./redis-dedup-store.ts";

export interface WorkerOptions {
  config: Config;
  database: Database;
  box: SecretBox;
  metrics: Metrics;
  log: Logger;
}

const choresEveryMs = 60_000;

/** Puts the delivering side of a process together and starts it. */
export async function startWorker({ config, database, box, metrics, log }: WorkerOptions) {
  const queue = createDeliveryQueue(database);
  const senders = createSenders({ timeoutMs: config.attemptTimeoutMs });
  const channels = createChannelLoader(database, box, senders.forget);
  const health = createChannelHealth(database, config.breaker);
  const settlements = createBatcher<Settlement, boolean>({ run: queue.settle, maxItems: 500 });
  const leases = createLeases(queue, config.leaseMs, log);
  const lanes = createLanes({
    concurrency: config.concurrency,
    channelConcurrency: config.channelConcurrency,
    perSecond: { slack_webhook: config.slackPerSecond },
  });
  const sqlStore = new SqlDedupStore(database);
  const redisStore = config.redisUrl === undefined ? undefined : new RedisDedupStore(config.redisUrl);
  redisStore?.connect();
  const dedup = createDedup(redisStore ?? sqlStore, {
    windowMs: config.dedupWindowMs,
    timeoutMs: redisStore ? config.dedupTimeoutMs : config.leaseMs,
    log,
  });

  const worker = startNotifyWorker({
    queue,
    settlements,
    channels,
    send: senders.send,
    dedup,
    lanes,
    leases,
    observe: health.observe,
    backoff: config.backoff,
    breakerFailures: config.breaker.failures,
    leaseMs: config.leaseMs,
    pollMs: config.pollMs,
    metrics,
    log,
  });
  const listener = await database.listen(deliveryTopic, worker.wake);
  const maintenance = startMaintenance({
    queue,
    everyMs: config.pollMs,
    chores: [
      () => removeOld(database, config.retentionMs),
      () => sqlStore.purge(1_000),
      async () => lanes.sweep(),
    ],
    choresEveryMs,
    onRecovered: worker.wake,
    metrics,
    log,
  });

  return {
    /** Finishes or hands back what is under way, within `graceMs` and the time of a few writes. */
    async stop(graceMs: number): Promise<void> {
      await maintenance.close();
      await worker.stop(graceMs);
      await Promise.all([settlements.idle(), health.idle()]);
      leases.close();
      await Promise.all([listener.close(), redisStore?.close(), senders.close()]);
    },
  };
}
