import type { HandlerContext, ServiceImpl } from "@connectrpc/connect";
import type { DeliveryService } from "../../gen/jitsudo/notifications/v1/delivery_pb.js";
import type { DeliveryState } from "../store/entities.ts";
import type { Store } from "../store/store.ts";
import { callerOf, storeOf } from "./caller.ts";
import { deliveryMessage, eventMessage } from "./delivery-messages.ts";
import { createDeliveryWatch } from "./delivery-watch.ts";
import { found } from "./errors.ts";
import { momentOf } from "./moment.ts";
import { makeToken, pageRequest } from "./page.ts";

export function createDeliveryService(store: Store): ServiceImpl<typeof DeliveryService> {
  const tenantOf = (context: HandlerContext) => storeOf(store, context);
  const watch = createDeliveryWatch();

  return {
    async listDeliveries(request, context) {
      const { size, after } = pageRequest(request);
      const { deliveries, nextBeforeId } = await tenantOf(context).deliveries.list({
        beforeId: after,
        limit: size,
        channelId: request.channelId || undefined,
        eventId: request.eventId || undefined,
        requestId: request.requestId || undefined,
        state: (request.state || undefined) as DeliveryState | undefined,
        eventType: request.eventType || undefined,
        since: request.since && momentOf(request.since),
        until: request.until && momentOf(request.until),
      });
      return {
        deliveries: deliveries.map((delivery) => deliveryMessage(delivery)),
        nextPageToken: nextBeforeId === undefined ? "" : makeToken(nextBeforeId),
      };
    },

    watchDeliveries: (request, context) =>
      watch(callerOf(context).tenantId, tenantOf(context).changes, request, context.signal),

    async getDelivery({ id }, context) {
      const { delivery, attempts } = found(await tenantOf(context).deliveries.get(id), "delivery", id);
      return deliveryMessage(delivery, attempts);
    },

    async getEvent({ id }, context) {
      return eventMessage(found(await tenantOf(context).deliveries.getEvent(id), "event", id));
    },
  };
}
