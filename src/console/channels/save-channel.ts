import { fromJson, type JsonObject } from "@bufbuild/protobuf";
import {
  CreateAwsSnsChannelRequestSchema,
  CreateEmailChannelRequestSchema,
  CreateGenericWebhookChannelRequestSchema,
  CreateSlackWebhookChannelRequestSchema,
  type NotificationChannel,
} from "../../../gen/jitsudo/notifications/v1/channel_pb.js";
import type { Clients } from "../api/clients.ts";
import { apiFailure } from "../api/failure.ts";
import { configOf, type Draft } from "./draft.ts";
import type { KindName } from "./kinds.ts";

/** `signing`: "symmetric" or "ed25519" has the service make a secret; empty: none. */
export async function createChannel(
  { channels }: Clients,
  kind: KindName,
  draft: Draft,
  { enabled, signing }: { enabled: boolean; signing: string },
): Promise<NotificationChannel> {
  const body: JsonObject = {
    ...configOf(kind, draft),
    name: draft.name,
    event_filters: eventFilters(draft),
    ordered: draft.ordered,
    enabled,
    ...(signing !== "" && { generate_signing_secret: signing }),
  };
  switch (kind) {
    case "slack_webhook":
      return channels.createSlackWebhookChannel(fromJson(CreateSlackWebhookChannelRequestSchema, body));
    case "email":
      return channels.createEmailChannel(fromJson(CreateEmailChannelRequestSchema, body));
    case "generic_webhook":
      return channels.createGenericWebhookChannel(fromJson(CreateGenericWebhookChannelRequestSchema, body));
    case "aws_sns":
      return channels.createAwsSnsChannel(fromJson(CreateAwsSnsChannelRequestSchema, body));
  }
}

/** Secrets that the draft holds as their masks stay as they are. */
export async function saveChannel(
  { channels }: Clients,
  id: string,
  kind: KindName,
  draft: Draft,
): Promise<NotificationChannel> {
  return channels.updateChannel({
    id,
    name: draft.name,
    config: configOf(kind, draft),
    eventFilters: eventFilters(draft),
    ordered: draft.ordered,
    updateMask: { paths: ["name", "config", "event_filters", "ordered"] },
  });
}

export async function enableChannel(
  { channels }: Clients,
  id: string,
  enabled: boolean,
): Promise<NotificationChannel> {
  return channels.updateChannel({ id, enabled });
}

/** Throws when none is chosen: the service would take that for all of them. */
function eventFilters({ events }: Draft): string[] {
  if (events?.length === 0) throw apiFailure("event_filters", "choose at least one, or all events");
  return events ?? [];
}
