import { createConnectTransport } from "@connectrpc/connect-web";
import { type CallerOptions, identify, type NotificationsServices, servicesOver } from "./services.ts";

export * from "./common.ts";

/** One typed client for each service. */
export interface WebNotificationsClient extends Omit<NotificationsServices, "events"> {
  /** Without `streamEvents`: fetch cannot send and receive on one call at the same time. */
  events: Omit<NotificationsServices["events"], "streamEvents">;
}

/**
 * Makes a client of the whole API on fetch alone, for browsers and for every other
 * place that has it; nothing of Node is loaded. The service sends no CORS headers:
 * a page reaches it through its own origin. Calls throw ConnectError;
 * `errorDetailOf` says what was wrong in detail.
 *
 * @throws TypeError for an `apiKey` or `tenantId` that cannot be one
 */
export function createNotificationsClient(options: CallerOptions): WebNotificationsClient {
  const transport = createConnectTransport({ baseUrl: options.baseUrl, interceptors: [identify(options)] });
  return servicesOver(transport, options);
}
