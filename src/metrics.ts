import { Counter, collectDefaultMetrics, Gauge, Histogram, Registry } from "prom-client";

export type Metrics = ReturnType<typeof createMetrics>;

/** Everything that the service counts, by the names that Prometheus sees. */
export function createMetrics() {
  const registry = new Registry();
  const registers = [registry];
  collectDefaultMetrics({ register: registry });
  return {
    registry,
    eventsIngested: new Counter({
      name: "jitsudo_events_ingested_total",
      help: "Events acknowledged, by type.",
      labelNames: ["event_type"],
      registers,
    }),
    attempts: new Counter({
      name: "jitsudo_delivery_attempts_total",
      help: "Attempts to send a notice, by channel type and outcome.",
      labelNames: ["channel_type", "outcome"],
      registers,
    }),
    deliveries: new Counter({
      name: "jitsudo_deliveries_completed_total",
      help: "Deliveries that reached a final state, by channel type and state.",
      labelNames: ["channel_type", "state"],
      registers,
    }),
    deliverySeconds: new Histogram({
      name: "jitsudo_delivery_seconds",
      help: "Time from the receipt of an event to its delivery, by channel type.",
      labelNames: ["channel_type"],
      buckets: [0.005, 0.01, 0.025, 0.05, 0.1, 0.25, 0.5, 1, 2.5, 5, 10, 30, 60, 300, 1800],
      registers,
    }),
    dedupUnavailable: new Counter({
      name: "jitsudo_dedup_unavailable_total",
      help: "Notices sent unchecked because the dedup store did not answer.",
      registers,
    }),
    leasesLost: new Counter({
      name: "jitsudo_leases_lost_total",
      help: "Results dropped because another worker had taken the delivery over.",
      registers,
    }),
    leasesRecovered: new Counter({
      name: "jitsudo_leases_recovered_total",
      help: "Deliveries taken over from workers that were lost.",
      registers,
    }),
    held: new Gauge({
      name: "jitsudo_deliveries_held",
      help: "Deliveries that this process holds.",
      registers,
    }),
  };
}
