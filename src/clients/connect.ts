import type { ClientHttp2Stream, Http2Session, SecureClientSessionOptions } from "node:http2";
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
  const sessionManager = new QuietSessionManager(baseUrl, { pingIntervalMs }, options.tls);
  const settings = { baseUrl, sessionManager, interceptors: [identify(options)] };
  const transport =
    protocol === "grpc"
      ? createGrpcTransport(settings)
      : createConnectTransport({ ...settings, httpVersion: "2" });
  return { ...servicesOver(transport, options), close: () => sessionManager.abort() };
}

/**
 * A session that breaks off tells so twice: by its streams, whose calls fail, and by an event
 * of its own. Connect stops listening for the latter once it knows of the former, and an error
 * that nobody listens for ends the process. So it is where what answers speaks no HTTP/2.
 */
class QuietSessionManager extends Http2SessionManager {
  readonly #heard = new WeakSet<Http2Session>();

  override async request(...args: Parameters<Http2SessionManager["request"]>): Promise<ClientHttp2Stream> {
    const stream = await super.request(...args);
    const { session } = stream;
    if (session && !this.#heard.has(session)) {
      this.#heard.add(session);
      session.on("error", () => {});
    }
    return stream;
  }
}
