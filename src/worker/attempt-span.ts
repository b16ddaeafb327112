import type { SendOutcome } from "../channels/channel.ts";
import type { Tracing } from "../observability/tracing.ts";
import type { Claimed } from "../store/delivery-queue.ts";

/** The span of one attempt; it carries the trace of the event's ingest on. */
export function startAttemptSpan(claimed: Claimed, attempt: number, tracing: Tracing) {
  const { channelType } = claimed;
  const span = tracing.start(`deliver ${channelType}`, "client", claimed.traceparent ?? undefined);
  return {
    /** For the endpoint; undefined when there is no trace. */
    traceparent: span.traceparent,
    end(outcome: SendOutcome): void {
      span.end(
        {
          "jitsudo.tenant_id": claimed.tenantId,
          "jitsudo.event_id": claimed.eventId,
          "jitsudo.delivery_id": claimed.deliveryId,
          "jitsudo.channel_id": claimed.channelId,
          "jitsudo.channel_type": channelType,
          "jitsudo.attempt": attempt,
          "jitsudo.outcome": outcome.kind,
          "http.response.status_code": channelType === "email" ? undefined : outcome.statusCode,
        },
        outcome.kind === "delivered" ? undefined : outcome.error,
      );
    },
  };
}
