import { parseTraceparent } from "../observability/trace-context.ts";
import type { AttemptRecord, Settlement } from "../store/delivery-queue.ts";
import type { Held, LoopContext } from "./attempt-loop.ts";

/** Where it is told what becomes of deliveries. */
type Reporting = Pick<LoopContext, "metrics" | "log">;

/** One attempt was made. */
export function noteAttempt(held: Held, attempt: AttemptRecord, { metrics, log }: Reporting): void {
  const { number, outcome, durationMs, error } = attempt;
  metrics.attempts.inc({ channel_type: held.channel.type, outcome });
  metrics.attemptSeconds.observe({ channel_type: held.channel.type }, durationMs / 1000);
  const level = outcome === "delivered" && error === undefined ? "debug" : "warn";
  if (!log.isLevelEnabled(level)) return;
  log[level](
    { ...idsOf(held), attempt: number, outcome, durationMs: Math.round(durationMs), error },
    "attempt made",
  );
}

/** How holding a delivery ended. */
export function reportEnd(held: Held, state: Settlement["state"], { metrics, log }: Reporting): void {
  if (log.isLevelEnabled("debug")) log.debug({ ...idsOf(held), state }, "delivery let go");
  if (state === "pending" || state === "delivering") return;
  const { urgent, receivedAt } = held.claimed;
  metrics.deliveries.inc({ channel_type: held.channel.type, state });
  if (urgent && (state === "failed" || state === "expired")) metrics.breakGlassUnsent.inc({ state });
  if (state !== "delivered") return;
  const seconds = (Date.now() - receivedAt.getTime()) / 1000;
  const priority = urgent ? "urgent" : "normal";
  metrics.deliverySeconds.observe({ channel_type: held.channel.type, priority }, Math.max(0, seconds));
}

/** Another worker has the delivery. */
export function reportLost(held: Held, { metrics, log }: Reporting): void {
  metrics.leasesLost.inc();
  log.warn(idsOf(held), "lease lost to another worker, result dropped");
}

function idsOf({ claimed: { tenantId, channelId, eventId, deliveryId, traceparent } }: Held) {
  const traceId = traceparent === null ? undefined : parseTraceparent(traceparent)?.traceId;
  return { tenantId, channelId, eventId, deliveryId, traceId };
}
