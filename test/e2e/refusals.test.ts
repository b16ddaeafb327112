import { afterAll, beforeAll, describe, expect, test } from "vitest";
import { eventTypes } from "../../src/events.ts";
import type { ErrorJson } from "./api.ts";
import { runCli } from "./cli.ts";
import { type Deployment, deploy, type Tenant } from "./deployment.ts";
import { backends } from "./home.ts";

// Every way in which a REST call is refused, with the code and the fields that the contract names.

const nil = "00000000-0000-4000-8000-000000000000";
const webhookPath = "/v1/notification-channels/generic-webhook";

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
  ["email", email, { to_addresses: [] }, { to_addresses: "1 items" }],
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
      to_addresses: "1 items",
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
  ["events:batch", { events: [event] }, { events: [] }, { events: "1 items" }],
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
  ["deliveries/1", ["id"]],
];

describe.each(backends)("%s", (backend) => {
  let deployment: Deployment;
  let tenant: Tenant;

  beforeAll(async () => {
    deployment = await deploy(backend, { JITSUDO_MAX_BODY_BYTES: "200000" });
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

  test("401: no key, an unknown one, a revoked one", async () => {
    const { api } = tenant;
    const list = (headers: Record<string, string>) =>
      api.send("GET", "/v1/notification-channels", undefined, headers);
    const unknown = `jsn_${"0".repeat(12)}_${"A".repeat(43)}`;
    for (const key of ["", "nonsense", unknown, `${tenant.apiKey}x`]) {
      const reply = await list({ "X-API-Key": key });
      expect(reply).toMatchObject({ status: 401, body: { code: "unauthenticated", details: {} } });
      expect(reply.headers.get("www-authenticate")).toContain("X-API-Key");
      expect(JSON.stringify(reply.body)).not.toContain(tenant.apiKey);
    }
  });

  test("403: a key of another tenant, a tenant that does not exist, a key without the scope", async () => {
    const other = await deployment.newTenant();
    const operatorKey = await deployment.newOperatorKey();
    const mismatch = { status: 403, body: { code: "tenant_mismatch", details: {} } };
    const list = (headers: Record<string, string>) =>
      tenant.api.send("GET", "/v1/notification-channels", undefined, headers);
    expect(await list({ "X-Tenant-ID": other.id })).toMatchObject(mismatch);
    expect(await list({ "X-Tenant-ID": nil })).toMatchObject(mismatch);
    expect(await list({ "X-API-Key": operatorKey, "X-Tenant-ID": nil })).toMatchObject(mismatch);
    expect(await list({ "X-API-Key": operatorKey, "X-Tenant-ID": other.id })).toMatchObject({ status: 200 });

    const { stdout } = await runCli(
      deployment.home.env,
      ...["keys", "create", "--name", "reader", "--tenant", tenant.id],
      ...["--scopes", "channels:read", "deliveries:read"],
    );
    const scoped = { "X-API-Key": JSON.parse(stdout).api_key as string };
    expect(await list(scoped)).toMatchObject({ status: 200 });
    const { api } = tenant;
    expect(await api.send("GET", "/v1/deliveries", undefined, scoped)).toMatchObject({ status: 200 });
    for (const [method, path, scope] of [
      ["POST", webhookPath, "channels:write"],
      ["PUT", `/v1/notification-channels/${nil}`, "channels:write"],
      ["POST", "/v1/events", "events:write"],
      ["POST", "/v1/events:batch", "events:write"],
    ] as const) {
      expect(await api.send(method, path, {}, scoped)).toMatchObject({
        status: 403,
        body: { code: "permission_denied", message: expect.stringContaining(scope) },
      });
    }
    expect(await api.send("DELETE", `/v1/notification-channels/${nil}`, undefined, scoped)).toMatchObject({
      status: 403,
    });
    const writer = await deployment.newKey(tenant.id, ["channels:write"]);
    expect(await list({ "X-API-Key": writer.apiKey })).toMatchObject({
      status: 403,
      body: { code: "permission_denied" },
    });
  });

  test("400: a tenant id that is missing or none", async () => {
    for (const id of ["", "acme", `${tenant.id}0`]) {
      const reply = await tenant.api.send("GET", "/v1/deliveries", undefined, { "X-Tenant-ID": id });
      expect(reply).toMatchObject({
        status: 400,
        body: { code: "invalid_argument", details: { fields: [{ field: "X-Tenant-ID" }] } },
      });
    }
    const upper = { "X-Tenant-ID": tenant.id.toUpperCase() };
    expect(await tenant.api.send("GET", "/v1/deliveries", undefined, upper)).toMatchObject({ status: 200 });
  });

  test("404 and 405: no such path, no such method, no such thing", async () => {
    const { api } = tenant;
    for (const path of ["/", "/v1", "/v1/notification-channels/", "/v2/events", "/v1/events/1"]) {
      expect(await api.send("GET", path)).toMatchObject({ status: 404, body: { code: "not_found" } });
    }
    for (const [method, path, allow] of [
      ["DELETE", "/v1/events", "POST"],
      ["PATCH", "/v1/notification-channels", "GET, HEAD"],
      ["PUT", "/v1/deliveries", "GET, HEAD"],
    ] as const) {
      const reply = await api.send(method, path);
      expect(reply).toMatchObject({ status: 405, body: { code: "method_not_allowed" } });
      expect(reply.headers.get("allow")).toBe(allow);
    }
    for (const path of [`/v1/notification-channels/${nil}`, `/v1/deliveries/${nil}`]) {
      expect(await api.send("GET", path)).toMatchObject({
        status: 404,
        body: { code: "not_found", message: expect.stringContaining(nil) },
      });
    }
  });

  test("413 and 415: too long a body, another type", async () => {
    const { api } = tenant;
    const long = JSON.stringify({ ...event, attributes: { text: "x".repeat(200_000) } });
    expect(await api.send("POST", "/v1/events", long)).toMatchObject({
      status: 413,
      body: { code: "payload_too_large", message: expect.stringContaining("200000 bytes") },
    });
    for (const type of [
      "text/plain",
      "application/x-www-form-urlencoded",
      "application/json; charset=latin1",
    ]) {
      expect(await api.send("POST", "/v1/events", event, { "Content-Type": type })).toMatchObject({
        status: 415,
        body: { code: "unsupported_media_type" },
      });
    }
    const utf8 = { "Content-Type": "application/json; charset=utf-8" };
    expect(await api.send("POST", "/v1/events", event, utf8)).toMatchObject({ status: 202 });
  });

  test("400: a body that is no JSON object, or says a thing twice", async () => {
    for (const body of ["", "{", "[]", '"x"', "null", '{"type":"grant.active","type":"grant.expired"}']) {
      expect(await tenant.api.send("POST", "/v1/events", body), body).toMatchObject({
        status: 400,
        body: { code: "invalid_argument" },
      });
    }
    const twice =
      '{"name":"a","url":"https://example.com","eventFilters":[],"event_filters":["grant.active"]}';
    expect(await tenant.api.send("POST", webhookPath, twice)).toMatchObject({ status: 400 });
  });

  test("409: an idempotency key that stands for another event", async () => {
    const { api } = tenant;
    await api.ingest({ ...event, idempotency_key: "once" });
    expect(
      await api.send("POST", "/v1/events", { ...event, reason: "x", idempotency_key: "once" }),
    ).toMatchObject({
      status: 409,
      body: { code: "already_exists", details: { fields: [{ field: "idempotency_key" }] } },
    });
  });
});
