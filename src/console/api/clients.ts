import { type Client, Code, ConnectError, createClient, type Interceptor } from "@connectrpc/connect";
import { createConnectTransport } from "@connectrpc/connect-web";
import { ApiKeyService } from "../../../gen/jitsudo/notifications/v1/api_key_pb.js";
import { NotificationChannelService } from "../../../gen/jitsudo/notifications/v1/channel_pb.js";
import { DeliveryService } from "../../../gen/jitsudo/notifications/v1/delivery_pb.js";
import { ReplayService } from "../../../gen/jitsudo/notifications/v1/replay_pb.js";
import { StatisticsService } from "../../../gen/jitsudo/notifications/v1/statistics_pb.js";
import { apiFailure } from "./failure.ts";
import type { Session } from "./session.ts";

/** The services that the console calls, as the signed-in key. */
export interface Clients {
  keys: Client<typeof ApiKeyService>;
  channels: Client<typeof NotificationChannelService>;
  deliveries: Client<typeof DeliveryService>;
  replays: Client<typeof ReplayService>;
  statistics: Client<typeof StatisticsService>;
}

const callTimeoutMs = 20_000;

/** `onRefused` is told when the key is good no more. */
export function createClients(session: Session, onRefused: () => void): Clients {
  const identify: Interceptor = (next) => async (request) => {
    setHeader(request.header, "X-API-Key", session.apiKey);
    setHeader(request.header, "X-Tenant-ID", session.tenantId);
    try {
      const response = await next(request);
      return response.stream ? { ...response, message: heeded(response.message) } : response;
    } catch (error) {
      throw heed(error);
    }
  };
  /** A stream says only at its end that its key is good no more. */
  async function* heeded<Message>(messages: AsyncIterable<Message>) {
    try {
      yield* messages;
    } catch (error) {
      throw heed(error);
    }
  }
  function heed(error: unknown): unknown {
    if (ConnectError.from(error).code === Code.Unauthenticated) onRefused();
    return error;
  }
  const transport = createConnectTransport({
    baseUrl: location.origin,
    interceptors: [identify],
    defaultTimeoutMs: callTimeoutMs,
    fetch: (input, init) => fetch(input, { ...init, credentials: "omit", redirect: "error" }),
  });
  return {
    keys: createClient(ApiKeyService, transport),
    channels: createClient(NotificationChannelService, transport),
    deliveries: createClient(DeliveryService, transport),
    replays: createClient(ReplayService, transport),
    statistics: createClient(StatisticsService, transport),
  };
}

/** Throws an error about the header where the browser would refuse it with one about nothing. */
function setHeader(headers: Headers, name: string, value: string): void {
  if (!/^[\x20-\x7e]*$/.test(value)) throw apiFailure(name, "must be of ASCII characters");
  headers.set(name, value);
}
