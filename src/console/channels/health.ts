import type { NotificationChannel } from "../../../gen/jitsudo/notifications/v1/channel_pb.js";

/** A channel's state in one word that Badge knows. */
export function healthState({ enabled, disabledReason, health }: NotificationChannel): string {
  if (!enabled) return disabledReason !== "" ? "auto_disabled" : "disabled";
  return health?.state || "healthy";
}

const order = ["open", "auto_disabled", "degraded", "healthy", "disabled"];

/** What needs somebody first: failing channels, then those that work, then those that are off. */
export function failingFirst(channels: NotificationChannel[]): NotificationChannel[] {
  const rank = (channel: NotificationChannel) => order.indexOf(healthState(channel));
  return channels.toSorted((a, b) => rank(a) - rank(b) || a.name.localeCompare(b.name));
}

export function isFailing(channel: NotificationChannel): boolean {
  return order.indexOf(healthState(channel)) < order.indexOf("healthy");
}

/** Where the channel sends to, without anything secret. */
export function destination({ channelType, config = {} }: NotificationChannel): string {
  switch (channelType) {
    case "email":
      return Array.isArray(config.to_addresses) ? config.to_addresses.join(", ") : "";
    case "aws_sns":
      return String(config.topic_arn ?? "");
    default:
      return String(config.webhook_url ?? config.url ?? "");
  }
}
