import { create } from "@bufbuild/protobuf";
import { Code, ConnectError, type ConnectRouter } from "@connectrpc/connect";
import {
  NotificationChannelSchema,
  NotificationChannelService,
} from "../../gen/jitsudo/notifications/v1/channel_pb.js";
import { DeliveryService } from "../../gen/jitsudo/notifications/v1/delivery_pb.js";
import { EventIngestService, type IngestEventRequest } from "../../gen/jitsudo/notifications/v1/event_pb.js";
import { callerOf } from "../../src/services/caller.ts";
import { apiError } from "../../src/services/errors.ts";

/** What the services below have seen, for tests that need to know. */
export interface Seen {
  /** Calls that wait because they were told to. */
  waiting: number;
  /** Why their signals were aborted. */
  aborted: unknown[];
}

/**
 * The three services, answering what they were sent. An event's `reason` tells how
 * its call ends: "throw", "conflict", "busy", "hang" (for ever), "wait:<ms>".
 */
export function echoServices(seen: Seen): (router: ConnectRouter) => void {
  return (router) => {
    router.service(EventIngestService, {
      async ingestEvent(request, context) {
        await behave(request, context.signal);
        return { id: `${callerOf(context).keyId}/${request.type}`, deliveries: request.durationSeconds };
      },
      ingestEvents: ({ events }) => ({ results: events.map(accepted) }),
      async *streamEvents(requests) {
        for await (const { events } of requests) yield { results: events.map(accepted) };
      },
    });
    router.service(NotificationChannelService, {
      createSlackWebhookChannel: ({ name, eventFilters }) => channel({ name, eventFilters, enabled: true }),
      getChannel: ({ id }) => channel({ id }),
      updateChannel: ({ id, name, updateMask, ordered }) =>
        channel({ id, name: name ?? "", eventFilters: updateMask?.paths ?? [], ordered: ordered ?? false }),
      deleteChannel: () => ({}),
      listChannels: ({ pageSize, pageToken, channelType }) => ({
        channels: [channel({ name: `${pageSize}/${pageToken}/${channelType}` })],
      }),
    });
    router.service(DeliveryService, {});
  };

  async function behave({ reason }: IngestEventRequest, signal: AbortSignal): Promise<void> {
    if (reason === "throw") throw new Error("password hunter2 at postgres://user:secret@db/x");
    if (reason === "conflict") throw apiError("already_exists", "it is there already");
    if (reason === "busy") {
      throw new ConnectError("too much", Code.ResourceExhausted, { "retry-after": "7" });
    }
    if (reason !== "hang" && !reason.startsWith("wait:")) return;
    seen.waiting++;
    signal.addEventListener("abort", () => seen.aborted.push(signal.reason));
    await new Promise<void>((resolve) => {
      if (reason !== "hang") setTimeout(resolve, Number(reason.slice(5)));
    });
  }
}

function accepted({ type }: IngestEventRequest) {
  return { result: { case: "accepted" as const, value: { id: type } } };
}

function channel(fields: Parameters<typeof create<typeof NotificationChannelSchema>>[1]) {
  return create(NotificationChannelSchema, fields);
}
