import type { ChannelConfigs, Notice } from "../../src/channels/channel.ts";
import { createTimeTexts } from "../../src/channels/time-text.ts";
import type { EventPayload } from "../../src/events.ts";

const emergency: Partial<EventPayload> = {
  request_id: "req-2093",
  grant_id: "grt-0588",
  requester: "tomasz.nowak@example.com",
  resource_type: "eks_cluster",
  resource_id: "prod-eu-1",
  permission_set_arn: "arn:aws:iam::aws:policy/AdministratorAccess",
};

const request: Partial<EventPayload> = {
  request_id: "req-2087",
  requester: "ada.keller@example.com",
  resource_type: "aws_account",
  resource_id: "123456789012",
  permission_set_arn: "arn:aws:iam::aws:policy/ReadOnlyAccess",
  duration_seconds: 14_400,
};

const grant: Partial<EventPayload> = {
  ...request,
  grant_id: "grt-0581",
  expires_at: "2026-03-02T13:10:00Z",
};

const why =
  "Customers see wrong invoices since 08:30.\nNeed to compare the billing tables with the export (INC-4711).";

/** One event of each type, as JITSudo sends them in the course of two days. */
const events: EventPayload[] = [
  {
    type: "request.pending",
    occurred_at: "2026-03-02T08:52:00Z",
    ...request,
    justification: why,
    expires_at: "2026-03-02T10:52:00Z",
  },
  {
    type: "request.approved",
    occurred_at: "2026-03-02T09:08:00Z",
    ...request,
    reviewer: "miriam.osei@example.com",
    reason: "Matches the incident. Read-only is enough.",
  },
  {
    type: "request.denied",
    occurred_at: "2026-03-02T09:08:00Z",
    ...request,
    reviewer: "miriam.osei@example.com",
    reason: "The billing replica holds the same data, please use that.",
  },
  { type: "request.expired", occurred_at: "2026-03-02T10:52:00Z", ...request, justification: why },
  {
    type: "request.break_glass",
    occurred_at: "2026-03-03T02:14:00Z",
    ...emergency,
    justification: "API server does not answer, on-call lead not reachable. Restarting the control plane.",
    expires_at: "2026-03-03T03:14:00Z",
  },
  { type: "grant.active", occurred_at: "2026-03-02T09:10:00Z", ...grant },
  { type: "grant.expiring_soon", occurred_at: "2026-03-02T12:55:00Z", ...grant },
  { type: "grant.expired", occurred_at: "2026-03-02T13:10:00Z", ...grant },
  {
    type: "grant.revoked",
    occurred_at: "2026-03-02T11:40:00Z",
    ...grant,
    reviewer: "miriam.osei@example.com",
    reason: "Incident closed.",
  },
];

export const timeZone = "Europe/Berlin";

/** What the sample tenant has set. */
const settings = {
  timeText: createTimeTexts()(timeZone),
  linkBaseUrl: "https://jitsudo.example.com",
};

const tenantId = "0195f0a0-0000-7000-8000-000000000001";

/** The notices that the gallery shows, with ids that stay the same. */
export const samples: Notice[] = events.map((event, index) => ({
  deliveryId: `0195f0a0-0000-7000-8000-0000000002${String(index).padStart(2, "0")}`,
  eventId: `0195f0a0-0000-7000-8000-0000000001${String(index).padStart(2, "0")}`,
  tenantId,
  receivedAt: new Date(event.occurred_at ?? 0),
  event,
  settings,
}));

export const slackConfig: ChannelConfigs["slack_webhook"] = {
  webhook_url: "https://hooks.slack.com/services/EXAMPLE",
  break_glass_mention: "here",
};

export const emailConfig: ChannelConfigs["email"] = {
  smtp_host: "smtp.example.com",
  smtp_port: 587,
  from_address: "access@example.com",
  to_addresses: ["security@example.com"],
};

export const snsChannel = {
  id: "0195f0a0-0000-7000-8000-000000000002",
  tenantId,
  type: "aws_sns" as const,
  config: { topic_arn: "arn:aws:sns:eu-central-1:123456789012:access" },
};
