import type { Logger } from "pino";
import { Gauge, type Registry } from "prom-client";
import { withinMs } from "../async/within-ms.ts";
import { channelTypes } from "../channels/channel.ts";
import type { Database } from "../store/database.ts";
import { type QueueSample, sampleQueue } from "../store/queue-sample.ts";
import { isDatabaseUnavailable } from "../store/unavailable.ts";

/** A sample serves all scrapes within this time. */
const freshMs = 5_000;

/** A scrape waits this long for a sample, and else shows none. */
const waitMs = 2_000;

/**
 * What the database knows of the queue and the breakers, and how its pool is used. It
 * is asked when somebody scrapes, and never more than once in 5 seconds.
 */
export function registerDatabaseMetrics(registry: Registry, database: Database, log: Logger): void {
  let sampledAt = Number.NEGATIVE_INFINITY;
  let sampling: Promise<QueueSample | undefined> = Promise.resolve(undefined);

  function sample(): Promise<QueueSample | undefined> {
    if (performance.now() - sampledAt > freshMs) {
      sampledAt = performance.now();
      const asked = sampleQueue(database).catch((error: Error) => {
        // That the database is away, the gauge says.
        if (!isDatabaseUnavailable(error)) log.error({ err: error.message }, "cannot sample the queue");
        return undefined;
      });
      sampling = withinMs(waitMs, asked);
    }
    return sampling;
  }

  const gauge = (name: string, help: string, labelNames: string[], collect: (gauge: Gauge) => unknown) =>
    new Gauge({
      name,
      help,
      labelNames,
      registers: [registry],
      async collect() {
        this.reset();
        await collect(this);
      },
    });

  gauge("jitsudo_database_up", "1 when the database answered the last sample, else 0.", [], async (up) =>
    up.set((await sample()) ? 1 : 0),
  );
  gauge(
    "jitsudo_queue_waiting",
    "Deliveries that wait to be claimed, in the whole installation: exact up to 10,000, then an estimate of all.",
    ["priority"],
    async (waiting) => setBoth(waiting, (await sample())?.waiting),
  );
  gauge(
    "jitsudo_queue_oldest_due_seconds",
    "Age of the oldest delivery that could be sent now, in the whole installation; 0 when none waits.",
    ["priority"],
    async (oldest) => setBoth(oldest, (await sample())?.oldestDueSeconds),
  );
  gauge(
    "jitsudo_breakers_open",
    "Channels whose circuit breaker is open, in the whole installation.",
    ["channel_type"],
    async (open) => {
      const counts = (await sample())?.breakersOpen;
      if (!counts) return;
      for (const type of channelTypes) open.set({ channel_type: type }, counts[type]);
    },
  );
  gauge(
    "jitsudo_database_connections",
    "Connections of this process's pool, by state (used, idle), and the queries that wait for one (waiting).",
    ["state"],
    async (connections) => {
      // The scrape's own queries are not what the gauge is about: it would never be at rest.
      await sample();
      const use = database.pool();
      if (!use) return;
      const { total, idle, waiting } = use;
      connections.set({ state: "used" }, total - idle);
      connections.set({ state: "idle" }, idle);
      connections.set({ state: "waiting" }, waiting);
    },
  );
}

function setBoth(gauge: Gauge, values: { urgent: number; normal: number } | undefined): void {
  if (!values) return;
  gauge.set({ priority: "urgent" }, values.urgent);
  gauge.set({ priority: "normal" }, values.normal);
}
