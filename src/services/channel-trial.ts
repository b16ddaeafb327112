import { create } from "@bufbuild/protobuf";
import type { HandlerContext, ServiceImpl } from "@connectrpc/connect";
import {
  type NotificationChannelService,
  TestChannelResponseSchema,
} from "../../gen/jitsudo/notifications/v1/channel_pb.js";
import type { Channel, Notice, SentRequest } from "../channels/channel.ts";
import { sampleEvent } from "../channels/sample-event.ts";
import type { Senders } from "../channels/senders.ts";
import { type TenantSettings, tenantSettings } from "../channels/tenant-settings.ts";
import { createTimeTexts } from "../channels/time-text.ts";
import type { EventPayload, NoticeType } from "../events.ts";
import type { Store } from "../store/store.ts";
import { uuidv7 } from "../uuid-v7.ts";
import { actorOf, callerOf, storeOf } from "./caller.ts";
import { canonicalPayload } from "./canonical-payload.ts";
import { previewMessage } from "./channel-preview.ts";
import { sentMessage } from "./delivery-messages.ts";
import { found, tryLater } from "./errors.ts";
import { createTenantBound } from "./tenant-bound.ts";

/** How a channel is tried out before anything depends on it. */
export type ChannelTrial = Pick<
  ServiceImpl<typeof NotificationChannelService>,
  "testChannel" | "previewChannel"
>;

const defaultType = "request.pending";

/**
 * How many tests of one tenant may be under way: they go out at once, beside the slots, the rate
 * and the breaker that keep notices from holding others up.
 */
const maxTests = 10;

/** `send` makes one attempt, bounded in time, as the workers do. */
export function createChannelTrial(store: Store, send: Senders["send"]): ChannelTrial {
  const timeTextOf = createTimeTexts();
  const begin = createTenantBound(maxTests);

  async function open(id: string, context: HandlerContext) {
    const { channels, settings } = storeOf(store, context);
    const stored = found(await channels.get(id), "channel", id);
    const { tenantId, type, config } = stored;
    // The compiler does not see that a type and the config of that type belong together.
    const channel = { id, tenantId, type, config } as unknown as Channel;
    const look = tenantSettings((await settings.get()) ?? {}, config, timeTextOf);
    return { channels, channel, settings: look };
  }

  async function test(id: string, eventType: string, context: HandlerContext) {
    const { channels, channel, settings } = await open(id, context);
    // Before it goes out: who can send must not be able to do so unseen.
    await channels.recordTest(id, actorOf(context));
    const event = sampleEvent(eventType as NoticeType, new Date());
    const notice = { ...noticeOf(channel, event, settings), test: true as const };
    let sent: SentRequest | undefined;
    const startedMs = performance.now();
    const outcome = await send(channel, notice, context.signal, (request) => {
      sent = request;
    });
    return create(TestChannelResponseSchema, {
      outcome: outcome.kind,
      ...(outcome.statusCode !== undefined && { statusCode: outcome.statusCode }),
      response: outcome.response ?? "",
      error: outcome.error ?? "",
      durationMs: Math.round(performance.now() - startedMs),
      ...(sent && { request: sentMessage(sent) }),
    });
  }

  return {
    async testChannel({ id, eventType }, context) {
      const end = begin(callerOf(context).tenantId);
      if (!end) throw tryLater(`the tenant has ${maxTests} tests under way and may not have more`, 1_000);
      try {
        return await test(id, eventType || defaultType, context);
      } finally {
        end();
      }
    },

    async previewChannel({ id, eventType, event }, context) {
      const { channel, settings } = await open(id, context);
      const payload = event
        ? (JSON.parse(canonicalPayload(event)) as EventPayload)
        : sampleEvent((eventType || defaultType) as NoticeType, new Date());
      return previewMessage(channel, noticeOf(channel, payload, settings));
    },
  };
}

function noticeOf({ tenantId }: Channel, event: EventPayload, settings: TenantSettings): Notice {
  return { deliveryId: uuidv7(), eventId: uuidv7(), tenantId, receivedAt: new Date(), event, settings };
}
