import type { Client, Interceptor, Transport } from "@connectrpc/connect";
import { ApiKeyService } from "../../gen/jitsudo/notifications/v1/api_key_pb.js";
import { AuditService } from "../../gen/jitsudo/notifications/v1/audit_pb.js";
import { NotificationChannelService } from "../../gen/jitsudo/notifications/v1/channel_pb.js";
import { DeliveryService } from "../../gen/jitsudo/notifications/v1/delivery_pb.js";
import { EventIngestService } from "../../gen/jitsudo/notifications/v1/event_pb.js";
import { ReplayService } from "../../gen/jitsudo/notifications/v1/replay_pb.js";
import { StatisticsService } from "../../gen/jitsudo/notifications/v1/statistics_pb.js";
import { TenantSettingsService } from "../../gen/jitsudo/notifications/v1/tenant_settings_pb.js";
import { identityHeaders } from "./identity.ts";
import { createLeavingClient } from "./leaving-streams.ts";
import { callLimitMs } from "./time-limits.ts";

/** Where the service is, and who calls it. */
export interface CallerOptions {
  /** For example "https://notifications.example.com". */
  baseUrl: string;
  apiKey: string;
  /** UUID of the tenant that the calls are about. */
  tenantId: string;
  /**
   * Time that a unary call may take, in milliseconds; default 10,000, 0 or Infinity
   * for no limit. A call's own `timeoutMs` goes before it. Streams have no limit
   * unless their call sets one.
   */
  timeoutMs?: number;
}

/** One typed client for each service of the API. */
export interface NotificationsServices {
  channels: Client<typeof NotificationChannelService>;
  events: Client<typeof EventIngestService>;
  deliveries: Client<typeof DeliveryService>;
  replays: Client<typeof ReplayService>;
  statistics: Client<typeof StatisticsService>;
  tenantSettings: Client<typeof TenantSettingsService>;
  audit: Client<typeof AuditService>;
  apiKeys: Client<typeof ApiKeyService>;
}

/** The services over one transport, whose unary calls end after `timeoutMs`. */
export function servicesOver(
  bare: Transport,
  { timeoutMs = 10_000 }: Pick<CallerOptions, "timeoutMs">,
): NotificationsServices {
  const transport = limitUnaryCalls(timeoutMs, bare);
  return {
    channels: createLeavingClient(NotificationChannelService, transport),
    events: createLeavingClient(EventIngestService, transport),
    deliveries: createLeavingClient(DeliveryService, transport),
    replays: createLeavingClient(ReplayService, transport),
    statistics: createLeavingClient(StatisticsService, transport),
    tenantSettings: createLeavingClient(TenantSettingsService, transport),
    audit: createLeavingClient(AuditService, transport),
    apiKeys: createLeavingClient(ApiKeyService, transport),
  };
}

/** Sends with every call who makes it. Throws a TypeError for a key or tenant that cannot be one. */
export function identify(caller: CallerOptions): Interceptor {
  const headers = Object.entries(identityHeaders(caller));
  return (next) => (request) => {
    for (const [name, value] of headers) request.header.set(name, value);
    return next(request);
  };
}

/** The transports' own `defaultTimeoutMs` would also cut streams, which are meant to stay open. */
function limitUnaryCalls(defaultTimeoutMs: number, transport: Transport): Transport {
  return {
    unary: (method, signal, timeoutMs = defaultTimeoutMs, ...rest) =>
      transport.unary(method, signal, callLimitMs(timeoutMs), ...rest),
    stream: (method, signal, timeoutMs = 0, ...rest) =>
      transport.stream(method, signal, callLimitMs(timeoutMs), ...rest),
  };
}
