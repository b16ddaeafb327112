import { type DescMessage, type JsonObject, type MessageShape, toJson } from "@bufbuild/protobuf";
import {
  CreateAwsSnsChannelRequestSchema,
  CreateEmailChannelRequestSchema,
  CreateGenericWebhookChannelRequestSchema,
  CreateSlackWebhookChannelRequestSchema,
} from "../../gen/jitsudo/notifications/v1/channel_pb.js";
import type { ChannelType } from "../channels/channel.ts";
import type { ConfigObject } from "../store/channel-secrets.ts";
import type { ChannelSettings } from "../store/channel-store.ts";

/** The request that creates a channel of each type; its fields are the type's config and their rules. */
export const createRequests = {
  slack_webhook: CreateSlackWebhookChannelRequestSchema,
  email: CreateEmailChannelRequestSchema,
  generic_webhook: CreateGenericWebhookChannelRequestSchema,
  aws_sns: CreateAwsSnsChannelRequestSchema,
} satisfies Record<ChannelType, DescMessage>;

export type CreateRequest = MessageShape<(typeof createRequests)[ChannelType]>;

/** Takes a valid create request apart: what all channels have, and the type's own config. How to create it is no part of it. */
export function settingsOf(type: ChannelType, request: CreateRequest): ChannelSettings {
  const json = toJson(createRequests[type], request as never, { useProtoFieldName: true }) as JsonObject;
  const {
    name: _name,
    event_filters: _filters,
    enabled: _enabled,
    ordered: _ordered,
    unique_name: _uniqueName,
    ...config
  } = json;
  return {
    name: request.name,
    config: config as ConfigObject,
    enabled: request.enabled ?? true,
    ordered: request.ordered ?? true,
    eventFilters: request.eventFilters,
  };
}
