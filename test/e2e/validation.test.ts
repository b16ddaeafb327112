import { afterAll, beforeAll, describe, expect, test } from "vitest";
import { eventTypes } from "../../src/events.ts";
import type { ErrorJson } from "./api.ts";
import { type Deployment, deploy, type Tenant } from "./deployment.ts";
import { backends } from "./home.ts";

// Every rule of the REST API's bodies and queries: the answer names each field that breaks one, and no other.

const slack = { name: "a", webhook_url: "https://hooks.slack.com/services/T/B/x" };
const email = {
  name: "a",
  smtp_host: "smtp.example.com",
  smtp_port: 25,
  from_address: "a@example.com",
  to_addresses: ["b@example.com"],
};
const webhook = { name: "a", url: "https://example.com/" };
const sns = { name: "a", topic_arn: "arn:aws:sns:us-east-1:123456789012:topic" };
const event = { type: "grant.active" };

/** Path, a valid body, what to change about it, and the fields that the answer must name, no more. */
const rules: [path: string, valid: object, change: object, fields: Record<string, string>][] = [
  ["slack-webhook", slack, { name: "" }, { name: "1 to 200 characters" }],
  ["slack-webhook", slack, { name: "x".repeat(201) }, { name: "1 to 200 characters" }],
  ["slack-webhook", slack, { name: "a\nb" }, { name: "without control characters" }],
  ["slack-webhook", slack, { name: 5 }, { name: "must be a string" }],
  ["slack-webhook", slack, { webhook_url: undefined }, { webhook_url: "http or https URL" }],
  ["slack-webhook", slack, { webhook_url: "hooks.slack.com" }, { webhook_url: "http or https URL" }],
  ["slack-webhook", slack, { event_filters: ["grant.actve"] }, { "event_filters[0]": eventTypes.join(", ") }],
  [
    "slack-webhook",
    slack,
    { event_filters: ["grant.active", "grant.active"] },
    { event_filters: "must not name an item twice" },
  ],
  ["slack-webhook", slack, { event_filters: "grant.active" }, { event_filters: "an array" }],
  ["slack-webhook", slack, { enabled: "yes" }, { enabled: "true or false" }],
  ["email", email, { smtp_host: undefined }, { smtp_host: "host name or an IP address" }],
  ["email", email, { smtp_host: "http://smtp" }, { smtp_host: "host name or an IP address" }],
  ["email", email, { smtp_port: 0 }, { smtp_port: "from 1 to 65535" }],
  ["email", email, { smtp_port: 65_536 }, { smtp_port: "from 1 to 65535" }],
  ["email", email, { smtp_port: "a" }, { smtp_port: "whole number" }],
  ["email", email, { from_address: "nobody" }, { from_address: "e-mail address" }],
  ["email", email, { to_addresses: [] }, { to_addresses: "1 item" }],
  ["email", email, { to_addresses: ["b@example.com", "c"] }, { "to_addresses[1]": "e-mail address" }],
  ["email", email, { to_addresses: ["b@a.de", "b@a.de"] }, { to_addresses: "must not name an item twice" }],
  [
    "email",
    email,
    { to_addresses: Array.from({ length: 51 }, (_, n) => `${n}@example.com`) },
    { to_addresses: "50 items" },
  ],
  ["email", email, { tls: "always" }, { tls: "starttls, starttls_required, implicit, none" }],
  ["email", email, { smtp_password: "x" }, { smtp_password: "smtp_username and smtp_password go together" }],
  ["email", email, { smtp_username: "x" }, { smtp_password: "smtp_username and smtp_password go together" }],
  ["generic-webhook", webhook, { url: "ftp://example.com" }, { url: "http or https URL" }],
  ["generic-webhook", webhook, { url: "https://u:p@example.com" }, { url: "without user name" }],
  ["generic-webhook", webhook, { url: `https://a.de/${"x".repeat(2048)}` }, { url: "2048 characters" }],
  ["generic-webhook", webhook, { headers: { "a b": "c" } }, { 'headers["a b"]': "HTTP header name" }],
  ["generic-webhook", webhook, { headers: { Host: "c" } }, { 'headers["Host"]': "sets itself" }],
  [
    "generic-webhook",
    webhook,
    { headers: { "webhook-id": "c" } },
    { 'headers["webhook-id"]': "sets itself" },
  ],
  ["generic-webhook", webhook, { headers: { A: "b\r\nc: d" } }, { 'headers["A"]': "without line breaks" }],
  ["generic-webhook", webhook, { headers: { A: 1 } }, { 'headers["A"]': "a string" }],
  ["generic-webhook", webhook, { signing_secret: "whsec_short" }, { signing_secret: "24 to 64 bytes" }],
  ["aws-sns", sns, { topic_arn: "topic" }, { topic_arn: "arn:aws:sns:<region>" }],
  ["aws-sns", sns, { topic_arn: "arn:aws:sqs:us-east-1:123456789012:q" }, { topic_arn: "an SNS topic ARN" }],
  ["aws-sns", sns, { region: "Europe" }, { region: "an AWS region" }],
  ["aws-sns", sns, { role_arn: "arn:aws:iam::1:role/x" }, { role_arn: "an IAM role ARN" }],
  ["aws-sns", sns, { external_id: "tenant-7" }, { external_id: "external_id needs role_arn" }],
  // All at once, one entry a field.
  [
    "email",
    {},
    { event_filters: ["x"] },
    {
      name: "1 to 200 characters",
      smtp_host: "host name",
      smtp_port: "from 1 to 65535",
      from_address: "e-mail address",
      to_addresses: "1 item",
      "event_filters[0]": "must be one of request.pending",
    },
  ],
  // Unknown fields are named, all of them, in both spellings.
  ["slack-webhook", slack, { webhookurl: "", channel: "x" }, { webhookurl: "unknown", channel: "unknown" }],
  ["generic-webhook", webhook, { smtp_host: "a" }, { smtp_host: "unknown field" }],
  ["events", event, { type: undefined }, { type: eventTypes.join(", ") }],
  ["events", event, { type: "grant.paused" }, { type: eventTypes.join(", ") }],
  ["events", event, { typ: "grant.active" }, { typ: "unknown field" }],
  ["events", event, { occurred_at: "yesterday" }, { occurred_at: "RFC 3339" }],
  ["events", event, { expires_at: 17 }, { expires_at: "RFC 3339" }],
  ["events", event, { expires_at: "2026-02-30T12:00:00Z" }, { expires_at: "a time that exists" }],
  ["events", event, { occurred_at: "2025-02-29T12:00:00+02:00" }, { occurred_at: "a time that exists" }],
  ["events", event, { deliver_before: "2026-01-31T24:00:00Z" }, { deliver_before: "a time that exists" }],
  [
    "events:batch",
    { events: [event] },
    {
      events: [
        { ...event, expires_at: "2024-02-29T12:00:00Z" },
        { ...event, expiresAt: "2026-04-31T12:00:00Z" },
      ],
    },
    { "events[1].expires_at": "a time that exists" },
  ],
  ["events", event, { duration_seconds: -1 }, { duration_seconds: "at least 0" }],
  ["events", event, { duration_seconds: 1.5 }, { duration_seconds: "whole number" }],
  ["events", event, { url: "javascript:alert(1)" }, { url: "http or https URL" }],
  ["events", event, { attributes: [1] }, { attributes: "JSON object" }],
  ["events", event, { idempotency_key: "x".repeat(256) }, { idempotency_key: "255 characters" }],
  ["events", event, { request_id: "a\u0000b" }, { request_id: "control characters" }],
  ["events", event, { grant_id: "x".repeat(256) }, { grant_id: "255 characters" }],
  ["events", event, { requester: "x".repeat(1025) }, { requester: "1024" }],
  ["events", event, { reviewer: "x".repeat(1025) }, { reviewer: "1024" }],
  ["events", event, { resource_type: "x".repeat(256) }, { resource_type: "255" }],
  ["events", event, { resource_id: "x".repeat(2049) }, { resource_id: "2048" }],
  ["events", event, { permission_set_arn: "x".repeat(2049) }, { permission_set_arn: "2048" }],
  ["events", event, { justification: "x".repeat(16_385) }, { justification: "16384" }],
  ["events", event, { reason: "x".repeat(16_385) }, { reason: "16384" }],
  ["events:batch", { events: [event] }, { events: [] }, { events: "1 item" }],
  ["events:batch", { events: [event] }, { events: Array(1001).fill(event) }, { events: "1000 items" }],
  [
    "events:batch",
    { events: [event] },
    { events: [event, { typ: "" }] },
    { "events[1].typ": "unknown field" },
  ],
];

/** Not with the values themselves, some of which no terminal should see. */
const titled = rules.map(([path, valid, change, fields]) => {
  const title = `POST ${path}: ${Object.entries(fields).flat().join(" ").slice(0, 80)}`;
  return { title, path, valid, change, fields };
});

const queries: [query: string, fields: string[]][] = [
  ["deliveries?since=2026-02-30T00:00:00Z", ["since"]],
  ["notification-channels?page_size=201", ["page_size"]],
  ["notification-channels?page_size=-1", ["page_size"]],
  ["notification-channels?page_size=a", ["page_size"]],
  ["notification-channels?page_token=nonsense", ["page_token"]],
  ["notification-channels?channel_type=slack", ["channel_type"]],
  ["notification-channels?type=slack_webhook", ["type"]],
  ["notification-channels/1", ["id"]],
  ["deliveries?state=lost", ["state"]],
  ["deliveries?channel_id=1&event_id=2", ["channel_id", "event_id"]],
  ["deliveries?event_type=x", ["event_type"]],
  ["deliveries?page_token=nonsense", ["page_token"]],
  // As long as an id is.
  ...["notification-channels", "deliveries", "replays", "audit-events"].map((list): [string, string[]] => [
    `${list}?page_token=nonsensenonsensenonsen`,
    ["page_token"],
  ]),
  ["deliveries/1", ["id"]],
];

describe.each(backends)("%s", (backend) => {
  let deployment: Deployment;
  let tenant: Tenant;

  beforeAll(async () => {
    deployment = await deploy(backend);
    tenant = await deployment.newTenant();
  });

  afterAll(() => deployment?.close());

  test.each(titled)("$title", async ({ path, valid, change, fields }) => {
    const prefix = path.startsWith("events") ? "/v1" : "/v1/notification-channels";
    const reply = await tenant.api.send<ErrorJson>("POST", `${prefix}/${path}`, { ...valid, ...change });
    expect(reply).toMatchObject({ status: 400, body: { code: "invalid_argument" } });
    const named = Object.fromEntries(
      (reply.body.details.fields ?? []).map(({ field, message }) => [field, message]),
    );
    expect(Object.keys(named).sort()).toEqual(Object.keys(fields).sort());
    expect(reply.body.details.fields).toHaveLength(Object.keys(fields).length);
    for (const [field, text] of Object.entries(fields)) {
      expect(named[field]).toContain(text);
      expect(reply.body.message).toContain(field);
    }
  });

  test.each(queries)("GET /v1/%s", async (query, fields) => {
    const reply = await tenant.api.send<ErrorJson>("GET", `/v1/${query}`);
    expect(reply).toMatchObject({ status: 400, body: { code: "invalid_argument" } });
    expect(reply.body.details.fields?.map(({ field }) => field)).toEqual(fields);
  });

  test("nothing of all that was stored", async () => {
    const channels = await tenant.api.send("GET", "/v1/notification-channels");
    expect(channels.body).toEqual({ channels: [], next_page_token: "" });
    expect(await tenant.api.deliveries()).toEqual([]);
  });
});
