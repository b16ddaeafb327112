import type { HttpSink } from "../sinks/http-sink.ts";
import { until } from "../support/until.ts";
import type { Message } from "./exchange.ts";

/** What one tenant does to show every unary call; run once for each protocol. */
export interface Stage {
  /** Calls a method of the API, records the exchange as an example of the method, and answers the body. */
  call(method: string, example: string, message: Message): Promise<Answer>;
  /** The same without a record. */
  quietly(method: string, message: Message): Promise<Answer>;
  sink: HttpSink;
}

export interface Answer extends Record<string, unknown> {
  id: string;
}

const nobody = "0190a0b0-0000-7000-8000-000000000000";

/** Every call that succeeds, and those that fail in a way of their own. */
export async function showCalls({ call, quietly, sink }: Stage): Promise<void> {
  await call("CreateSlackWebhookChannel", "created", {
    name: "slack",
    webhook_url: `${sink.url}/services/T0/B0/secret`,
    event_filters: ["request.pending"],
    break_glass_mention: "here",
  });
  await call("CreateSlackWebhookChannel", "invalid", {
    name: "",
    webhook_url: "nonsense",
    event_filters: ["x"],
  });
  const mail = await call("CreateEmailChannel", "created", {
    name: "mail",
    smtp_host: "smtp.example.com",
    smtp_port: 587,
    from_address: "jitsudo@example.com",
    to_addresses: ["oncall@example.com"],
    smtp_username: "jitsudo",
    smtp_password: "hunter2",
    tls: "starttls_required",
    time_zone: "Europe/Berlin",
    event_filters: ["request.pending"],
    enabled: false,
    ordered: false,
  });
  await call("CreateEmailChannel", "invalid", { name: "mail", smtp_port: 0, smtp_username: "alone" });
  const webhook = await call("CreateGenericWebhookChannel", "created, with a secret made by the server", {
    name: "webhook",
    url: `${sink.url}/hook?token=secret`,
    headers: { Authorization: "Bearer secret" },
    generate_signing_secret: "symmetric",
    event_filters: ["grant.active", "grant.revoked"],
  });
  await call("CreateGenericWebhookChannel", "invalid", {
    name: "w",
    url: "ftp://example.com",
    headers: { Host: "a" },
  });
  const sns = await call("CreateAwsSnsChannel", "created", {
    name: "sns",
    topic_arn: "arn:aws:sns:us-east-1:123456789012:access-events",
    role_arn: "arn:aws:iam::123456789012:role/publisher",
    external_id: "tenant-7",
    enabled: false,
  });
  await call("CreateAwsSnsChannel", "invalid", { name: "sns", topic_arn: "topic", external_id: "tenant-7" });
  const failing = await quietly("CreateGenericWebhookChannel", {
    name: "failing",
    url: `${sink.url}/gone`,
    event_filters: ["grant.expired"],
  });

  await call("GetChannel", "found", { id: webhook.id });
  await call("GetChannel", "not found", { id: nobody });
  await call("ListChannels", "first page", { page_size: 1 });
  await call("ListChannels", "of one type", { channel_type: "email" });
  await call("ListChannels", "invalid", { page_size: 201, page_token: "x", channel_type: "pager" });
  await call("CompareChannel", "differs", { id: webhook.id, name: "renamed", enabled: false });
  await call("CompareChannel", "invalid", { id: webhook.id, config: { url: "nonsense", colour: "red" } });
  await call("UpdateChannel", "updated", { id: mail.id, name: "renamed", event_filters: ["request.denied"] });
  await call("UpdateChannel", "not found", { id: nobody, name: "renamed" });
  await call("UpdateChannel", "invalid", { id: mail.id, config: { smtp_port: 25, url: "x" } });
  await call("RotateSigningSecret", "rotated to ed25519", {
    id: webhook.id,
    type: "ed25519",
    overlap_seconds: 60,
  });
  await call("RotateSigningSecret", "of a channel that does not sign", { id: sns.id });
  await call("TestChannel", "delivered", { id: webhook.id, event_type: "grant.active" });
  await call("TestChannel", "failed", { id: failing.id });
  const event = {
    type: "request.break_glass",
    occurred_at: "2026-01-31T12:00:00Z",
    request_id: "request-1",
    requester: "ada@example.com",
    resource_type: "aws_account",
    resource_id: "123456789012",
    duration_seconds: 3600,
    justification: "database is down",
    attributes: { ticket: "OPS-1", severity: 1 },
  };
  for (const { id } of [webhook, mail, sns]) await call("PreviewChannel", "of an event", { id, event });
  await call("PreviewChannel", "invalid", { id: mail.id, event_type: "nonsense" });

  await showEvents({ call, quietly, sink }, webhook.id, failing.id);

  await call("DeleteChannel", "deleted", { id: sns.id });
  await call("DeleteChannel", "not found", { id: sns.id });
  await call("ListAuditEvents", "of a channel", { resource_id: sns.id });
  await call("ListAuditEvents", "invalid", { resource_type: "nonsense" });
  await call("GetTenantSettings", "never set", {});
  await call("UpdateTenantSettings", "updated", { time_zone: "Europe/Berlin", product_name: "Acme Access" });
  await call("UpdateTenantSettings", "invalid", { time_zone: "Mars/Olympus" });
}

/** Events and what became of them. `failingId`: a channel whose endpoint is gone for good. */
async function showEvents({ call, quietly }: Stage, webhookId: string, failingId: string): Promise<void> {
  const active = {
    type: "grant.active",
    grant_id: "grant-1",
    requester: "ada@example.com",
    idempotency_key: "key-1",
  };
  const event = await call("IngestEvent", "accepted", { ...active, expires_at: "2099-01-31T12:00:00Z" });
  await call("IngestEvent", "repeated", { ...active, expires_at: "2099-01-31T12:00:00Z" });
  await call("IngestEvent", "the key of another event", { ...active, grant_id: "grant-2" });
  await call("IngestEvent", "invalid", { type: "grant.nonsense", duration_seconds: -1, url: "x" });
  await call("IngestEvents", "one accepted, one rejected", {
    events: [{ type: "grant.expired", grant_id: "grant-1" }, { type: "nonsense" }],
  });
  await call("IngestEvents", "invalid", { events: [] });
  const ended = async (filter: Message) =>
    until(async () => {
      const { deliveries } = await quietly("ListDeliveries", filter);
      const [first] = deliveries as { id: string; completed_at?: string }[];
      return first?.completed_at === undefined ? undefined : first.id;
    });
  const delivered = await ended({ event_id: event.id });
  const failed = await ended({ channel_id: failingId });

  await call("GetEvent", "found", { id: event.id });
  await call("GetEvent", "not found", { id: nobody });
  await call("ListDeliveries", "of an event", { event_id: event.id });
  await call("ListDeliveries", "invalid", { state: "lost", event_type: "x" });
  await call("GetDelivery", "delivered", { id: delivered });
  await call("GetDelivery", "failed", { id: failed });
  await call("GetDelivery", "not found", { id: nobody });

  const since = new Date(Date.now() - 3_600_000).toISOString();
  const failedOnes = { channel_id: failingId, select: "failed", since };
  await call("CreateReplay", "dry run", { ...failedOnes, dry_run: true });
  const replay = await call("CreateReplay", "created", { delivery_id: delivered });
  await call("CreateReplay", "invalid", { select: "failed" });
  await until(async () => {
    const { states } = await quietly("GetReplay", { id: replay.id });
    return (states as Record<string, number>).delivered === 1;
  });
  await call("GetReplay", "completed", { id: replay.id });
  await call("GetReplay", "not found", { id: nobody });
  await call("ListReplays", "newest first", { page_size: 1 });
  await call("ListReplays", "invalid", { page_size: -1 });
  await call("CancelReplay", "of a completed one", { id: replay.id });
  await call("CancelReplay", "not found", { id: nobody });

  const day = { bucket: "day", group_by: ["event_type", "state"], channel_id: failingId };
  await until(async () => ((await quietly("GetDeliveryStatistics", day)).series as unknown[]).length > 0, {
    timeoutMs: 45_000,
  });
  await call("GetDeliveryStatistics", "by event type and state", day);
  await call("GetDeliveryStatistics", "invalid", { bucket: "year", channel_id: webhookId });
}
