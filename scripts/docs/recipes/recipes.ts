import type { DescMethod, DescService } from "@bufbuild/protobuf";
import { ApiKeyService } from "../../../gen/jitsudo/notifications/v1/api_key_pb.js";
import { AuditService } from "../../../gen/jitsudo/notifications/v1/audit_pb.js";
import { NotificationChannelService } from "../../../gen/jitsudo/notifications/v1/channel_pb.js";
import { DeliveryService } from "../../../gen/jitsudo/notifications/v1/delivery_pb.js";
import { EventIngestService } from "../../../gen/jitsudo/notifications/v1/event_pb.js";
import { ReplayService } from "../../../gen/jitsudo/notifications/v1/replay_pb.js";
import { StatisticsService } from "../../../gen/jitsudo/notifications/v1/statistics_pb.js";
import { TenantSettingsService } from "../../../gen/jitsudo/notifications/v1/tenant_settings_pb.js";
import type { Message } from "../rest-call.ts";

/** One call that succeeds when those before it were made; the source of every collection. */
export interface Recipe {
  title: string;
  method: DescMethod;
  /** `{{name}}` stands for a variable. */
  message: Message;
  /** A variable for the recipes after it, and where in the answer it stands. */
  keep?: { name: string; from: string };
}

/** Variables that nobody keeps from an answer, with values that fit a trial. */
export const settings = {
  base_url: "http://127.0.0.1:8080",
  // What `npm run sink` listens on.
  sink_url: "http://127.0.0.1:8090",
};

function recipe<Service extends DescService>(
  service: Service,
  method: keyof Service["method"] & string,
  title: string,
  message: Message = {},
  keep?: Recipe["keep"],
): Recipe {
  const desc = service.method[method];
  if (!desc) throw new Error(`There is no method ${method}`);
  return { title, method: desc, message, ...(keep && { keep }) };
}

const id = (name: string) => ({ name, from: "id" });
const since = "2026-01-01T00:00:00Z";

const breakGlass = {
  type: "request.break_glass",
  request_id: "req-1",
  requester: "ada@example.com",
  resource_type: "aws_account",
  resource_id: "123456789012",
  justification: "database is down",
};

export const recipes: Recipe[] = [
  recipe(
    NotificationChannelService,
    "createSlackWebhookChannel",
    "Create a Slack channel",
    {
      name: "security-alerts",
      webhook_url: "{{sink_url}}/services/T00000000/B00000000/XXXXXXXX",
      event_filters: ["request.pending", "request.break_glass"],
    },
    id("slack_id"),
  ),
  recipe(
    NotificationChannelService,
    "createEmailChannel",
    "Create an e-mail channel",
    {
      name: "on-call mailbox",
      smtp_host: "127.0.0.1",
      smtp_port: 2525,
      from_address: "jitsudo@example.com",
      to_addresses: ["oncall@example.com"],
      event_filters: ["grant.expired"],
    },
    id("email_id"),
  ),
  recipe(
    NotificationChannelService,
    "createGenericWebhookChannel",
    "Create a webhook channel that signs",
    {
      name: "siem",
      url: "{{sink_url}}/siem",
      headers: { "X-Team": "security" },
      generate_signing_secret: "symmetric",
    },
    id("webhook_id"),
  ),
  recipe(
    NotificationChannelService,
    "createAwsSnsChannel",
    "Create an AWS SNS channel, disabled for now",
    { name: "fan-out", topic_arn: "arn:aws:sns:us-east-1:123456789012:access-events", enabled: false },
    id("sns_id"),
  ),
  recipe(NotificationChannelService, "listChannels", "List channels of one type", {
    channel_type: "generic_webhook",
    page_size: 20,
  }),
  recipe(NotificationChannelService, "getChannel", "Look at a channel and its health", {
    id: "{{webhook_id}}",
  }),
  recipe(NotificationChannelService, "testChannel", "Send a test", {
    id: "{{webhook_id}}",
    event_type: "request.break_glass",
  }),
  recipe(NotificationChannelService, "previewChannel", "See what a notice would look like", {
    id: "{{email_id}}",
    event: breakGlass,
  }),
  recipe(NotificationChannelService, "compareChannel", "Ask what an update would change", {
    id: "{{webhook_id}}",
    name: "siem",
    enabled: false,
  }),
  recipe(NotificationChannelService, "updateChannel", "Change a channel", {
    id: "{{webhook_id}}",
    name: "SIEM",
    event_filters: ["request.break_glass", "grant.active"],
  }),
  recipe(
    NotificationChannelService,
    "rotateSigningSecret",
    "Rotate a signing secret, both sign for an hour",
    {
      id: "{{webhook_id}}",
      overlap_seconds: 3600,
    },
  ),
  recipe(EventIngestService, "ingestEvent", "Send an event", breakGlass, id("event_id")),
  recipe(EventIngestService, "ingestEvents", "Send a batch of events", {
    events: [
      { type: "grant.active", grant_id: "grant-1", requester: "ada@example.com" },
      { type: "grant.revoked", grant_id: "grant-1", reason: "incident closed" },
    ],
  }),
  recipe(DeliveryService, "getEvent", "Look at an event as it was stored", { id: "{{event_id}}" }),
  recipe(
    DeliveryService,
    "listDeliveries",
    "List what became of an event",
    { event_id: "{{event_id}}" },
    { name: "delivery_id", from: "deliveries[0].id" },
  ),
  recipe(DeliveryService, "getDelivery", "Look at one delivery and its attempts", { id: "{{delivery_id}}" }),
  recipe(StatisticsService, "getDeliveryStatistics", "Count deliveries by hour and state", {
    bucket: "hour",
    group_by: ["event_type", "state"],
  }),
  recipe(StatisticsService, "getQueueStatus", "How much waits now, and since when"),
  recipe(ApiKeyService, "getOwnApiKey", "What your own key may do"),
  recipe(ReplayService, "createReplay", "Ask what a replay of failed deliveries would send", {
    channel_id: "{{webhook_id}}",
    select: "failed",
    since,
    dry_run: true,
  }),
  recipe(
    ReplayService,
    "createReplay",
    "Send failed deliveries again",
    { channel_id: "{{webhook_id}}", select: "failed", since },
    id("replay_id"),
  ),
  recipe(ReplayService, "getReplay", "Look at a replay's progress", { id: "{{replay_id}}" }),
  recipe(ReplayService, "listReplays", "List replays"),
  recipe(ReplayService, "cancelReplay", "Cancel a replay", { id: "{{replay_id}}" }),
  recipe(TenantSettingsService, "updateTenantSettings", "Set time zone and product name of all notices", {
    time_zone: "Europe/Berlin",
    product_name: "Acme Access",
  }),
  recipe(TenantSettingsService, "getTenantSettings", "Look at the tenant's settings"),
  recipe(AuditService, "listAuditEvents", "List who changed a channel", { resource_id: "{{webhook_id}}" }),
  ...["slack_id", "email_id", "webhook_id", "sns_id"].map((name) =>
    recipe(NotificationChannelService, "deleteChannel", `Delete a channel (${name.replace("_id", "")})`, {
      id: `{{${name}}}`,
    }),
  ),
];

/** The variables that recipes keep, in the order in which they come. */
export const keptVariables = recipes.flatMap(({ keep }) => (keep ? [keep.name] : []));
