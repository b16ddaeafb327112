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
import type { SnsCredentials } from "../channels/sns-credentials.ts";
import { changedFields } from "../store/changed-fields.ts";
import { type ConfigObject, callersConfig, maskConfig } from "../store/channel-secrets.ts";
import type { ChannelSettings, StoredChannel } from "../store/channel-store.ts";
import type { Store } from "../store/store.ts";
import { actorOf, callerOf, storeOf } from "./caller.ts";
import { type CreateRequest, settingsOf } from "./channel-settings.ts";
import type { ChannelTrial } from "./channel-trial.ts";
import { changeSettings } from "./channel-update.ts";
import {
  assertDestinations,
  type CheckDestination,
  configViolations,
  maskViolations,
  tenantRoleViolations,
} from "./config-checks.ts";
import { apiError, found, invalidField, notFound, refuse } from "./errors.ts";
import type { FieldValidator } from "./field-validator.ts";
import { cutPage, pageRequest } from "./page.ts";
import { rotateSecret, settleSecrets, signingOf } from "./webhook-signing.ts";

export interface ChannelServiceOptions {
  store: Store;
  validate: FieldValidator;
  checkDestination: CheckDestination;
  snsCredentials: SnsCredentials;
  trial: ChannelTrial;
  /** Channels that a tenant may have: one event is as many deliveries. */
  maxChannels: number;
}

export function createChannelService({
  store,
  validate,
  checkDestination,
  snsCredentials,
  trial,
  maxChannels,
}: ChannelServiceOptions): ServiceImpl<typeof NotificationChannelService> {
  const channelsOf = (context: HandlerContext) => storeOf(store, context).channels;

  /** What SNS channels may publish with is the operator's to say; what counts is checked at every send. */
  function assertCredentials(type: ChannelType, config: ConfigObject, context: HandlerContext, path = "") {
    if (type !== "aws_sns" || snsCredentials === "own") return;
    refuse(tenantRoleViolations(config, callerOf(context).tenantId, path));
  }

  function creator(type: ChannelType) {
    return async (request: CreateRequest, context: HandlerContext): Promise<NotificationChannel> => {
      const settings = settingsOf(type, request);
      refuse([...configViolations(settings.config), ...maskViolations(type, settings.config)]);
      assertCredentials(type, settings.config, context);
      await assertDestinations(settings.config, checkDestination);
      const { config, newSecret } = settleSecrets(settings.config);
      const made = { ...settings, config };
      const { name, uniqueName } = request;
      const channel = await channelsOf(context).create(type, made, actorOf(context), {
        uniqueName,
        maxChannels,
      });
      if (channel === "no_room") {
        throw apiError("resource_exhausted", `the tenant has ${maxChannels} channels and may not have more`);
      }
      if (channel === "name_taken") {
        const message = `the tenant has a channel "${name}" already`;
        throw apiError("already_exists", message, [{ field: "name", message }]);
      }
      return toMessage(channel, newSecret);
    };
  }

  return {
    ...trial,

    createSlackWebhookChannel: creator("slack_webhook"),
    createEmailChannel: creator("email"),
    createGenericWebhookChannel: creator("generic_webhook"),
    createAwsSnsChannel: creator("aws_sns"),

    async getChannel({ id }, context) {
      return toMessage(found(await channelsOf(context).get(id), "channel", id));
    },

    async listChannels(request, context) {
      const { size, after } = pageRequest(request);
      const type = (request.channelType || undefined) as ChannelType | undefined;
      const channels = await channelsOf(context).list({ afterId: after, limit: size + 1, type });
      const { items, next } = cutPage(channels, size);
      return { channels: items.map((channel) => toMessage(channel)), nextPageToken: next };
    },

    async updateChannel(request, context) {
      if (request.config) await assertDestinations(request.config, checkDestination, "config.");
      let newSecret: string | undefined;
      const channel = await channelsOf(context).update(
        request.id,
        (current) => {
          const settings = changeSettings(current, request, validate);
          if (request.config) assertCredentials(current.type, settings.config, context, "config.");
          const settled = settleSecrets(settings.config, current.config);
          newSecret = settled.newSecret;
          return { ...settings, config: settled.config };
        },
        actorOf(context),
      );
      return toMessage(found(channel, "channel", request.id), newSecret);
    },

    async compareChannel(request, context) {
      if (request.config) await assertDestinations(request.config, checkDestination, "config.");
      const current = found(await channelsOf(context).get(request.id), "channel", request.id);
      const settings = changeSettings(current, request, validate);
      if (request.config) assertCredentials(current.type, settings.config, context, "config.");
      const { config } = settleSecrets(settings.config, current.config);
      return { changedFields: changedFields(asCallersSee(current), asCallersSee({ ...settings, config })) };
    },

    async rotateSigningSecret(request, context) {
      let newSecret: string | undefined;
      const channel = await channelsOf(context).update(
        request.id,
        ({ type, name, enabled, ordered, eventFilters, config }) => {
          if (type !== "generic_webhook") {
            throw invalidField("id", "must be a generic webhook: no other channel signs");
          }
          const rotated = rotateSecret(config, request);
          newSecret = rotated.newSecret;
          return { name, enabled, ordered, eventFilters, config: rotated.config };
        },
        actorOf(context),
      );
      return toMessage(found(channel, "channel", request.id), newSecret);
    },

    async deleteChannel({ id }, context) {
      if (!(await channelsOf(context).delete(id, actorOf(context)))) throw notFound("channel", id);
      return {};
    },
  };
}

/** `newSecret`: a signing secret that the server has just made, to be shown once. */
function toMessage(channel: StoredChannel, newSecret?: string): NotificationChannel {
  const signing = signingOf(channel.config, newSecret);
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
    ...(signing && { signing }),
    disabledReason: channel.disabledReason ?? "",
    ...(channel.disabledAt && { disabledAt: timestampFromDate(channel.disabledAt) }),
  });
}

/** Without what the service keeps for itself in the config. */
function asCallersSee(settings: ChannelSettings): ChannelSettings {
  return { ...settings, config: callersConfig(settings.config) };
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
    ...(health.failingSince && { failingSince: timestampFromDate(health.failingSince) }),
  });
}
