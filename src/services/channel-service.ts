import { create, type JsonObject } from "@bufbuild/protobuf";
import { timestampFromDate } from "@bufbuild/protobuf/wkt";
import type { HandlerContext, ServiceImpl } from "@connectrpc/connect";
import {
  ChannelHealthSchema,
  type NotificationChannel,
  NotificationChannelSchema,
  type NotificationChannelService,
} from "../../gen/jitsudo/notifications/v1/channel_pb.js";
import type { ChannelType } from "../channels/channel.ts";
import { maskConfig } from "../store/channel-secrets.ts";
import type { StoredChannel } from "../store/channel-store.ts";
import type { Store } from "../store/store.ts";
import { callerOf } from "./caller.ts";
import { type CreateRequest, settingsOf } from "./channel-settings.ts";
import { changeSettings } from "./channel-update.ts";
import { apiError } from "./errors.ts";
import type { FieldValidator } from "./field-validator.ts";
import { cutPage, pageRequest } from "./page.ts";

export function createChannelService(
  store: Store,
  validate: FieldValidator,
): ServiceImpl<typeof NotificationChannelService> {
  const channelsOf = (context: HandlerContext) => store.forTenant(callerOf(context).tenantId).channels;

  function creator(type: ChannelType) {
    return async (request: CreateRequest, context: HandlerContext): Promise<NotificationChannel> =>
      toMessage(await channelsOf(context).create(type, settingsOf(type, request)));
  }

  return {
    createSlackWebhookChannel: creator("slack_webhook"),
    createEmailChannel: creator("email"),
    createGenericWebhookChannel: creator("generic_webhook"),
    createAwsSnsChannel: creator("aws_sns"),

    async getChannel({ id }, context) {
      return toMessage(found(await channelsOf(context).get(id), id));
    },

    async listChannels(request, context) {
      const { size, after } = pageRequest(request);
      const type = (request.channelType || undefined) as ChannelType | undefined;
      const channels = await channelsOf(context).list({ afterId: after, limit: size + 1, type });
      const { items, next } = cutPage(channels, size);
      return { channels: items.map(toMessage), nextPageToken: next };
    },

    async updateChannel(request, context) {
      const channel = await channelsOf(context).update(request.id, (current) =>
        changeSettings(current, request, validate),
      );
      return toMessage(found(channel, request.id));
    },

    async deleteChannel({ id }, context) {
      if (!(await channelsOf(context).delete(id))) throw notFound(id);
      return {};
    },
  };
}

function toMessage(channel: StoredChannel): NotificationChannel {
  return create(NotificationChannelSchema, {
    id: channel.id,
    name: channel.name,
    channelType: channel.type,
    config: maskConfig(channel.type, channel.config) as JsonObject,
    enabled: channel.enabled,
    ordered: channel.ordered,
    eventFilters: channel.eventFilters,
    createdAt: timestampFromDate(channel.createdAt),
    updatedAt: timestampFromDate(channel.updatedAt),
    health: healthOf(channel),
  });
}

function healthOf({ health }: StoredChannel) {
  if (!health) return create(ChannelHealthSchema, { state: "healthy" });
  const open = health.openUntil && health.openUntil > new Date() ? health.openUntil : undefined;
  return create(ChannelHealthSchema, {
    state: open ? "open" : health.consecutiveFailures > 0 ? "degraded" : "healthy",
    consecutiveFailures: health.consecutiveFailures,
    lastError: health.lastError ?? "",
    ...(health.lastFailureAt && { lastFailureAt: timestampFromDate(health.lastFailureAt) }),
    ...(health.lastSuccessAt && { lastSuccessAt: timestampFromDate(health.lastSuccessAt) }),
    ...(open && { retryAt: timestampFromDate(open) }),
  });
}

function found(channel: StoredChannel | undefined, id: string): StoredChannel {
  if (!channel) throw notFound(id);
  return channel;
}

function notFound(id: string): Error {
  return apiError("not_found", `There is no channel ${id}`);
}
