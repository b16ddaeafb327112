import { Counter, collectDefaultMetrics, Gauge, Histogram, Registry } from "prom-client";
import { channelTypes } from "../channels/channel.ts";
import { eventTypes } from "../events.ts";
import { version } from "../version.ts";

export type Metrics = ReturnType<typeof createMetrics>;

/**
 * Everything that the service counts, by the names that Prometheus sees; docs/operations.md
 * says what to make of them. No label holds what a caller chose: that would make any
 * number of series, and tell everyone who reads metrics about the tenants.
 */
export function createMetrics() {
  const registry = new Registry();
  collectDefaultMetrics({ register: registry });
  const registers = [registry];
  new Gauge({
    name: "jitsudo_build_info",
    help: "Always 1; the label says which version runs.",
    labelNames: ["version"],
    registers,
  }).set({ version }, 1);
  const metrics = { ...callMetrics(registers), ...ingestMetrics(registers), ...deliveryMetrics(registers) };
  startFromZero(metrics);
  return { registry, ...metrics };
}

/** To Prometheus a series that begins with 1 has not increased: the alerts would miss what happens once. */
function startFromZero({
  deliveries,
  breakGlassUnsent,
  eventsUnheard,
}: Pick<Metrics, "deliveries" | "breakGlassUnsent" | "eventsUnheard">): void {
  for (const state of ["failed", "expired"]) {
    breakGlassUnsent.inc({ state }, 0);
    for (const channel_type of channelTypes) deliveries.inc({ channel_type, state }, 0);
  }
  for (const event_type of eventTypes) eventsUnheard.inc({ event_type }, 0);
}

function callMetrics(registers: Registry[]) {
  return {
    calls: new Counter({
      name: "jitsudo_calls_total",
      help: "Calls that ended, by method or route, protocol and code (ok, or the error's code).",
      labelNames: ["method", "protocol", "code"],
      registers,
    }),
    callSeconds: new Histogram({
      name: "jitsudo_call_seconds",
      help: "Time from the head of a call to the end of its answer, by method and protocol.",
      labelNames: ["method", "protocol"],
      buckets: [0.001, 0.0025, 0.005, 0.01, 0.025, 0.05, 0.1, 0.25, 0.5, 1, 2.5, 5, 10],
      registers,
    }),
    callsOpen: new Gauge({
      name: "jitsudo_calls_open",
      help: "Calls under way, streams included.",
      registers,
    }),
    refusals: new Counter({
      name: "jitsudo_calls_refused_total",
      help: "Calls refused for their key: rate_limited, locked_out, unknown_key, tenant_mismatch or unknown_tenant.",
      labelNames: ["reason"],
      registers,
    }),
  };
}

function ingestMetrics(registers: Registry[]) {
  return {
    eventsIngested: new Counter({
      name: "jitsudo_events_ingested_total",
      help: "Events acknowledged, by type and protocol; repeated ones are not counted.",
      labelNames: ["event_type", "protocol"],
      registers,
    }),
    eventsUnheard: new Counter({
      name: "jitsudo_events_unheard_total",
      help: "Events acknowledged that no channel of their tenant wants, by type.",
      labelNames: ["event_type"],
      registers,
    }),
    eventsRejected: new Counter({
      name: "jitsudo_events_rejected_total",
      help: "Events of batches and streams that were refused, by code. Single ones are in jitsudo_calls_total.",
      labelNames: ["code"],
      registers,
    }),
    batchSize: new Histogram({
      name: "jitsudo_batch_size",
      help: "How many events (ingest) or results (settle) one statement wrote.",
      labelNames: ["batch"],
      buckets: [1, 2, 5, 10, 20, 50, 100, 200, 500],
      registers,
    }),
  };
}

function deliveryMetrics(registers: Registry[]) {
  return {
    taken: new Counter({
      name: "jitsudo_deliveries_taken_total",
      help: "Deliveries that this process took on, by way: hand_over from an ingest of its own, or claim from the queue.",
      labelNames: ["way"],
      registers,
    }),
    attempts: new Counter({
      name: "jitsudo_delivery_attempts_total",
      help: "Attempts to send a notice, by channel type and outcome.",
      labelNames: ["channel_type", "outcome"],
      registers,
    }),
    attemptSeconds: new Histogram({
      name: "jitsudo_delivery_attempt_seconds",
      help: "How long one attempt took, by channel type.",
      labelNames: ["channel_type"],
      buckets: [0.005, 0.01, 0.025, 0.05, 0.1, 0.25, 0.5, 1, 2.5, 5, 10, 30],
      registers,
    }),
    deliveries: new Counter({
      name: "jitsudo_deliveries_completed_total",
      help: "Deliveries that a worker brought to a final state, by channel type and state.",
      labelNames: ["channel_type", "state"],
      registers,
    }),
    deliveriesSwept: new Counter({
      name: "jitsudo_deliveries_swept_total",
      help: "Deliveries that ended while they waited: expired, cancelled with their channel, or failed with the worker that was lost in their last attempt.",
      labelNames: ["state"],
      registers,
    }),
    breakGlassUnsent: new Counter({
      name: "jitsudo_break_glass_unsent_total",
      help: "Deliveries of break-glass notices that ended as failed or expired, by state.",
      labelNames: ["state"],
      registers,
    }),
    deliverySeconds: new Histogram({
      name: "jitsudo_delivery_seconds",
      help: "Time from the receipt of an event to its delivery, by channel type and priority.",
      labelNames: ["channel_type", "priority"],
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
