import { create } from "@bufbuild/protobuf";
import { timestampFromDate } from "@bufbuild/protobuf/wkt";
import type { HandlerContext, ServiceImpl } from "@connectrpc/connect";
import {
  type Attempt,
  AttemptSchema,
  type Delivery,
  DeliverySchema,
  type DeliveryService,
} from "../../gen/jitsudo/notifications/v1/delivery_pb.js";
import type { DeliveryRecord } from "../store/delivery-log.ts";
import type { AttemptRow, DeliveryState } from "../store/entities.ts";
import type { Store } from "../store/store.ts";
import { callerOf } from "./caller.ts";
import { apiError } from "./errors.ts";
import { cutPage, pageRequest } from "./page.ts";

export function createDeliveryService(store: Store): ServiceImpl<typeof DeliveryService> {
  const deliveriesOf = (context: HandlerContext) => store.forTenant(callerOf(context).tenantId).deliveries;

  return {
    async listDeliveries(request, context) {
      const { size, after } = pageRequest(request);
      const deliveries = await deliveriesOf(context).list({
        beforeId: after,
        limit: size + 1,
        channelId: request.channelId || undefined,
        eventId: request.eventId || undefined,
        state: (request.state || undefined) as DeliveryState | undefined,
        eventType: request.eventType || undefined,
      });
      const { items, next } = cutPage(deliveries, size);
      return { deliveries: items.map((delivery) => toMessage(delivery)), nextPageToken: next };
    },

    async getDelivery({ id }, context) {
      const found = await deliveriesOf(context).get(id);
      if (!found) throw apiError("not_found", `There is no delivery ${id}`);
      return toMessage(found.delivery, found.attempts);
    },
  };
}

function toMessage(delivery: DeliveryRecord, attempts: AttemptRow[] = []): Delivery {
  return create(DeliverySchema, {
    id: delivery.id,
    eventId: delivery.eventId,
    eventType: delivery.eventType,
    channelId: delivery.channelId,
    channelType: delivery.channelType,
    state: delivery.state,
    attemptCount: delivery.attempts,
    duplicateOf: delivery.duplicateOf ?? "",
    lastError: delivery.lastError ?? "",
    createdAt: timestampFromDate(delivery.createdAt),
    ...(delivery.nextAttemptAt && { nextAttemptAt: timestampFromDate(delivery.nextAttemptAt) }),
    ...(delivery.completedAt && { completedAt: timestampFromDate(delivery.completedAt) }),
    attempts: attempts.map(attemptMessage),
  });
}

function attemptMessage(attempt: AttemptRow): Attempt {
  return create(AttemptSchema, {
    number: attempt.number,
    startedAt: timestampFromDate(attempt.startedAt),
    durationMs: attempt.durationMs,
    outcome: attempt.outcome,
    ...(attempt.statusCode && { statusCode: attempt.statusCode }),
    response: attempt.response ?? "",
    error: attempt.error ?? "",
  });
}
