import { afterAll, beforeAll, describe, expect, inject, test } from "vitest";
import { createDatabase } from "../support/postgres.ts";
import { type Service, startService } from "../support/service.ts";

// The four calls that create channels, byte for byte as users send them, and what the
// answers must hold. THIS FILE NEVER CHANGES: whatever is rebuilt behind it, these
// bodies keep working. It therefore uses fetch and nothing of ours but the start of
// the service. New behaviour gets tests elsewhere.

const createCalls = [
  {
    kind: "slack-webhook",
    body: `{
  "name": "security-alerts",
  "webhook_url": "https://hooks.slack.com/services/T00000000/B00000000/XXXXXXXXXXXXXXXXXXXXXXXX",
  "event_filters": ["request.pending", "request.break_glass"],
  "enabled": true
}`,
    channel: {
      name: "security-alerts",
      channel_type: "slack_webhook",
      config: { webhook_url: "https://hooks.slack.com/********" },
      event_filters: ["request.pending", "request.break_glass"],
      enabled: true,
    },
  },
  {
    kind: "email",
    body: `{
  "name": "on-call mailbox",
  "smtp_host": "smtp.example.com",
  "smtp_port": 587,
  "from_address": "jitsudo@example.com",
  "to_addresses": ["oncall@example.com", "security@example.com"],
  "smtp_username": "jitsudo",
  "smtp_password": "hunter2",
  "event_filters": []
}`,
    channel: {
      name: "on-call mailbox",
      channel_type: "email",
      config: {
        smtp_host: "smtp.example.com",
        smtp_port: 587,
        from_address: "jitsudo@example.com",
        to_addresses: ["oncall@example.com", "security@example.com"],
        smtp_username: "jitsudo",
        smtp_password: "********",
      },
      event_filters: [],
      enabled: true,
    },
  },
  {
    kind: "generic-webhook",
    body: `{
  "name": "siem",
  "url": "https://siem.example.com/ingest?token=secret",
  "headers": {"Authorization": "Bearer secret"},
  "signing_secret": "whsec_MfKQ9r8GKYqrTwjUPD8ILPZIo2LaLaSw",
  "enabled": false
}`,
    channel: {
      name: "siem",
      channel_type: "generic_webhook",
      config: {
        url: "https://siem.example.com/********",
        headers: { Authorization: "********" },
        signing_secret: "********",
      },
      event_filters: [],
      enabled: false,
    },
  },
  {
    kind: "aws-sns",
    body: `{
  "name": "fan-out",
  "topic_arn": "arn:aws:sns:us-east-1:123456789012:access-events",
  "region": "us-east-1",
  "role_arn": "arn:aws:iam::123456789012:role/publisher",
  "external_id": "tenant-7",
  "event_filters": ["grant.active"]
}`,
    channel: {
      name: "fan-out",
      channel_type: "aws_sns",
      config: {
        topic_arn: "arn:aws:sns:us-east-1:123456789012:access-events",
        region: "us-east-1",
        role_arn: "arn:aws:iam::123456789012:role/publisher",
        external_id: "tenant-7",
      },
      event_filters: ["grant.active"],
      enabled: true,
    },
  },
];

describe.each(["embedded", "PostgreSQL"])("on %s", (database) => {
  let service: Service;
  let headers: Record<string, string>;

  beforeAll(async () => {
    const env: Record<string, string> =
      database === "PostgreSQL" ? { DATABASE_URL: await createDatabase(inject("postgresUrl")) } : {};
    service = await startService({ env, timeoutMs: 90_000 });
    const { api_key, tenant_id } = await service.credentials();
    headers = { "X-API-Key": api_key, "X-Tenant-ID": tenant_id, "Content-Type": "application/json" };
  });

  afterAll(() => service?.close());

  test.each(createCalls)("POST /v1/notification-channels/$kind", async ({ kind, body, channel }) => {
    const call = { method: "POST", headers, body };
    const response = await fetch(`${service.url}/v1/notification-channels/${kind}`, call);
    expect(response.status).toBe(201);
    expect(response.headers.get("content-type")).toBe("application/json");
    const created = (await response.json()) as Record<string, unknown>;
    expect(created).toMatchObject(channel);
    // The type's own fields, no more and no less.
    expect(created.config).toEqual(channel.config);
    expect(created.id).toMatch(/^[0-9a-f]{8}-[0-9a-f]{4}-7[0-9a-f]{3}-[89ab][0-9a-f]{3}-[0-9a-f]{12}$/);
    expect(Date.now() - Date.parse(String(created.created_at))).toBeLessThan(60_000);
    expect(created.updated_at).toBe(created.created_at);

    const read = await fetch(`${service.url}/v1/notification-channels/${created.id}`, { headers });
    expect(await read.json()).toEqual(created);
    const list = await fetch(`${service.url}/v1/notification-channels?page_size=200`, { headers });
    const { channels } = (await list.json()) as { channels: unknown[] };
    expect(channels).toContainEqual(created);
  });
});
