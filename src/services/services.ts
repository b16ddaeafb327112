import type { ConnectRouter } from "@connectrpc/connect";
import { NotificationChannelService } from "../../gen/jitsudo/notifications/v1/channel_pb.js";
import { DeliveryService } from "../../gen/jitsudo/notifications/v1/delivery_pb.js";
import { EventIngestService } from "../../gen/jitsudo/notifications/v1/event_pb.js";
import type { Metrics } from "../metrics.ts";
import type { Store } from "../store/store.ts";
import { createChannelService } from "./channel-service.ts";
import { createDeliveryService } from "./delivery-service.ts";
import type { FieldValidator } from "./field-validator.ts";
import { createIngestService, type IngestLimits } from "./ingest-service.ts";

export interface ServicesOptions {
  store: Store;
  validate: FieldValidator;
  metrics: Metrics;
  limits: IngestLimits;
}

/** Registers every service of the API. */
export function registerServices(
  router: ConnectRouter,
  { store, validate, metrics, limits }: ServicesOptions,
): void {
  router.service(NotificationChannelService, createChannelService(store, validate));
  router.service(EventIngestService, createIngestService({ store, validate, metrics, limits }));
  router.service(DeliveryService, createDeliveryService(store));
}
