import type { SecureClientSessionOptions } from "node:http2";
import { createConnectTransport, createGrpcTransport, Http2SessionManager } from "@connectrpc/connect-node";
import { type CallerOptions, identify, type NotificationsServices, servicesOver } from "./services.ts";

export * from "./common.ts";

/** `baseUrl` with "http://" speaks HTTP/2 without TLS. */
export interface NotificationsClientOptions extends CallerOptions {
  /** Default "grpc". "connect" passes proxies that drop HTTP trailers. Both need HTTP/2. */
  protocol?: "grpc" | "connect";
  /** Milliseconds between pings that notice a dead connection during a call; default 30,000. */
  pingIntervalMs?: number;
  /** A private certificate authority, a client certificate. */
  tls?: Pick<SecureClientSessionOptions, "ca" | "cert" | "key">;
}

/** One typed client for each service, over one connection. */
export interface NotificationsClient extends NotificationsServices {
  /** Closes the connection; calls in flight end with an error. */
  close(): void;
}

/**
 * Makes a client of the whole API on Connect's Node transports. It connects
 * with the first call and again whenever the connection was lost. Calls throw
 * ConnectError; `errorDetailOf` says what was wrong in detail. Leaving the loop over a
 * stream's responses cancels the call.
 *
 * @throws TypeError for an `apiKey` or `tenantId` that cannot be one
 */
export function createNotificationsClient(options: NotificationsClientOptions): NotificationsClient {
  const { baseUrl, protocol = "grpc", pingIntervalMs = 30_000 } = options;
  const sessionManager = new Http2SessionManager(baseUrl, { pingIntervalMs }, options.tls);
  const settings = { baseUrl, sessionManager, interceptors: [identify(options)] };
  const transport =
    protocol === "grpc"
      ? createGrpcTransport(settings)
      : createConnectTransport({ ...settings, httpVersion: "2" });
  return { ...servicesOver(transport, options), close: () => sessionManager.abort() };
}
