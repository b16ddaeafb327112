import type { ConnectRouter } from "@connectrpc/connect";
import { ApiKeyService } from "../../gen/jitsudo/notifications/v1/api_key_pb.js";
import { AuditService } from "../../gen/jitsudo/notifications/v1/audit_pb.js";
import { NotificationChannelService } from "../../gen/jitsudo/notifications/v1/channel_pb.js";
import { DeliveryService } from "../../gen/jitsudo/notifications/v1/delivery_pb.js";
import { EventIngestService } from "../../gen/jitsudo/notifications/v1/event_pb.js";
import { ReplayService } from "../../gen/jitsudo/notifications/v1/replay_pb.js";
import { StatisticsService } from "../../gen/jitsudo/notifications/v1/statistics_pb.js";
import { TenantSettingsService } from "../../gen/jitsudo/notifications/v1/tenant_settings_pb.js";
import type { Senders } from "../channels/senders.ts";
import { createApiKeyService } from "./api-key-service.ts";
import { createAuditService } from "./audit-service.ts";
import { type ChannelServiceOptions, createChannelService } from "./channel-service.ts";
import { createChannelTrial } from "./channel-trial.ts";
import { createDeliveryService } from "./delivery-service.ts";
import { createIngestService, type IngestServiceOptions } from "./ingest-service.ts";
import { createReplayService } from "./replay-service.ts";
import { createStatisticsService } from "./statistics-service.ts";
import { createTenantSettingsService } from "./tenant-settings-service.ts";

/** Beside what the services ask for, `send` makes one attempt to send, for tests of channels. */
export type ServicesOptions = IngestServiceOptions &
  Omit<ChannelServiceOptions, "trial"> & { send: Senders["send"] };

/** Registers every service of the API. */
export function registerServices(router: ConnectRouter, options: ServicesOptions): void {
  const { store, send } = options;
  const trial = createChannelTrial(store, send);
  router.service(NotificationChannelService, createChannelService({ ...options, trial }));
  router.service(EventIngestService, createIngestService(options));
  router.service(ApiKeyService, createApiKeyService(store));
  router.service(AuditService, createAuditService(store));
  router.service(TenantSettingsService, createTenantSettingsService(store));
  router.service(DeliveryService, createDeliveryService(store));
  router.service(ReplayService, createReplayService(store));
  router.service(StatisticsService, createStatisticsService(store));
}
