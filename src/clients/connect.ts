import type { SecureClientSessionOptions } from "node:http2";
import { type Client, createClient, type Interceptor, type Transport } from "@connectrpc/connect";
import { createConnectTransport, createGrpcTransport, Http2SessionManager } from "@connectrpc/connect-node";
import { NotificationChannelService } from "../../gen/jitsudo/notifications/v1/channel_pb.js";
import { DeliveryService } from "../../gen/jitsudo/notifications/v1/delivery_pb.js";
import { EventIngestService } from "../../gen/jitsudo/notifications/v1/event_pb.js";
import { TenantSettingsService } from "../../gen/jitsudo/notifications/v1/tenant_settings_pb.js";

export { Code, ConnectError } from "@connectrpc/connect";
export * from "./errors.ts";
export * from "./messages.ts";

/** Where the service is, and who calls it. */
export interface NotificationsClientOptions {
  /** For example "https://notifications.example.com"; "http://" speaks HTTP/2 without TLS. */
  baseUrl: string;
  apiKey: string;
  /** UUID of the tenant that the calls are about. */
  tenantId: string;
  /** Default "grpc". "connect" passes proxies that drop HTTP trailers. Both need HTTP/2. */
  protocol?: "grpc" | "connect";
  /**
   * Time that a unary call may take, in milliseconds; default 10,000, 0 for no
   * limit. A call's own `timeoutMs` goes before it. Streams have no limit
   * unless their call sets one.
   */
  timeoutMs?: number;
  /** Milliseconds between pings that notice a dead connection during a call; default 30,000. */
  pingIntervalMs?: number;
  /** A private certificate authority, a client certificate. */
  tls?: Pick<SecureClientSessionOptions, "ca" | "cert" | "key">;
}

/** One typed client for each service, over one connection. */
export interface NotificationsClient {
  channels: Client<typeof NotificationChannelService>;
  events: Client<typeof EventIngestService>;
  deliveries: Client<typeof DeliveryService>;
  tenantSettings: Client<typeof TenantSettingsService>;
  /** Closes the connection; calls in flight end with an error. */
  close(): void;
}

/**
 * Makes a client of the whole API on Connect's Node transports. It connects
 * with the first call and again whenever the connection was lost. Calls throw
 * ConnectError; `errorDetailOf` says what was wrong in detail. A stream ends when
 * its requests end or its signal aborts; leaving the loop over the responses
 * alone does not cancel it.
 */
export function createNotificationsClient(options: NotificationsClientOptions): NotificationsClient {
  const { baseUrl, protocol = "grpc", timeoutMs = 10_000, pingIntervalMs = 30_000 } = options;
  const sessionManager = new Http2SessionManager(baseUrl, { pingIntervalMs }, options.tls);
  const settings = { baseUrl, sessionManager, interceptors: [identify(options.apiKey, options.tenantId)] };
  const transport = limitUnaryCalls(
    timeoutMs,
    protocol === "grpc"
      ? createGrpcTransport(settings)
      : createConnectTransport({ ...settings, httpVersion: "2" }),
  );
  return {
    channels: createClient(NotificationChannelService, transport),
    events: createClient(EventIngestService, transport),
    deliveries: createClient(DeliveryService, transport),
    tenantSettings: createClient(TenantSettingsService, transport),
    close: () => sessionManager.abort(),
  };
}

/** Sends the two headers that every call of the API needs. */
function identify(apiKey: string, tenantId: string): Interceptor {
  return (next) => (request) => {
    request.header.set("X-API-Key", apiKey);
    request.header.set("X-Tenant-ID", tenantId);
    return next(request);
  };
}

/** The transports' own `defaultTimeoutMs` would also cut streams, which are meant to stay open. */
function limitUnaryCalls(defaultTimeoutMs: number, transport: Transport): Transport {
  return {
    unary: (method, signal, timeoutMs = defaultTimeoutMs, ...rest) =>
      transport.unary(method, signal, timeoutMs, ...rest),
    stream: (...call) => transport.stream(...call),
  };
}
