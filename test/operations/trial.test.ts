import { afterAll, beforeAll, describe, expect, test } from "vitest";
import { type Deployment, deploy, type Tenant } from "../e2e/deployment.ts";
import { type HttpSink, startHttpSink } from "../sinks/http-sink.ts";
import { type SmtpSink, startSmtpSink } from "../sinks/smtp-sink.ts";
import { until } from "../support/until.ts";

// Channels are tried out before anything depends on them; by a process that has no worker.

let deployment: Deployment;
let sink: HttpSink;
let smtp: SmtpSink;
let tenant: Tenant;

beforeAll(async () => {
  sink = await startHttpSink();
  smtp = await startSmtpSink();
  deployment = await deploy("PostgreSQL and Redis", {
    JITSUDO_ROLE: "api",
    JITSUDO_ATTEMPT_TIMEOUT_MS: "3000",
  });
  tenant = await deployment.newTenant();
});

afterAll(async () => {
  await deployment?.close();
  await sink.close();
  await smtp.close();
});

const post = <Body = Record<string, unknown>>(id: string, what: string, body: object = {}) =>
  tenant.api.send<Body>("POST", `/v1/notification-channels/${id}/${what}`, body);

const slack = (path: string, more: object = {}) =>
  tenant.api.createChannel("slack-webhook", { name: "s", webhook_url: `${sink.url}${path}`, ...more });

describe("a test", () => {
  test("goes out marked, also on a disabled channel, every time, and into the audit trail", async () => {
    const channel = await tenant.api.createWebhook(`${sink.url}/test`, { enabled: false });
    for (const _ of [1, 2]) {
      const { status, body } = await post(channel.id, "test", { event_type: "request.break_glass" });
      expect([status, body]).toMatchObject([
        200,
        { outcome: "delivered", status_code: 200, response: "ok", error: "", request: { target: sink.url } },
      ]);
    }
    const payloads = sink.to("/test").map(({ body }) => JSON.parse(body));
    expect(payloads).toHaveLength(2);
    expect(payloads[0]).toMatchObject({
      type: "request.break_glass",
      test: true,
      title: "[TEST] Break-glass access used",
    });
    expect(await tenant.api.deliveries()).toEqual([]);
    const audit = await tenant.api.send<{ audit_events: { action: string }[] }>(
      "GET",
      `/v1/audit-events?resource_id=${channel.id}`,
    );
    expect(audit.body.audit_events.map(({ action }) => action)).toEqual(["tested", "tested", "created"]);
  });

  test("tells of each way to fail, without another attempt", async () => {
    sink.respond("/archived", { status: 410, body: "channel_is_archived" });
    sink.respond("/busy", { status: 503 });
    sink.respond("/hang", "hang");
    const tried = async (path: string) => (await post((await slack(path)).id, "test")).body;
    expect(await tried("/archived")).toMatchObject({ outcome: "failed", error: "channel_is_archived" });
    expect(await tried("/busy")).toMatchObject({ outcome: "retry", status_code: 503, error: "HTTP 503" });
    expect(await tried("/hang")).toMatchObject({ outcome: "retry", error: "timed out after 3000 ms" });
    expect(["/archived", "/busy", "/hang"].map((path) => sink.to(path).length)).toEqual([1, 1, 1]);
  });

  test("is one of ten at a time, so that no endpoint that hangs takes what other tenants need", async () => {
    sink.respond("/hangs", "hang");
    const channel = await slack("/hangs");
    const other = await deployment.newTenant();
    const theirs = await other.api.createWebhook(`${sink.url}/theirs`);
    const replies = Promise.all(Array.from({ length: 15 }, () => post(channel.id, "test")));
    await until(() => sink.to("/hangs").length === 10);
    const path = `/v1/notification-channels/${theirs.id}/test`;
    expect(await other.api.send("POST", path, {})).toMatchObject({ body: { outcome: "delivered" } });

    const all = await replies;
    const refused = all.filter(({ status }) => status === 429);
    expect(refused).toHaveLength(5);
    expect(refused[0]).toMatchObject({
      body: {
        code: "resource_exhausted",
        message: "the tenant has 10 tests under way and may not have more",
      },
    });
    expect(refused[0]?.headers.get("retry-after")).toBe("1");
    expect(sink.to("/hangs")).toHaveLength(10);
    expect(await post(channel.id, "test")).toMatchObject({ status: 200, body: { outcome: "retry" } });
  });

  test("wakes nobody up on Slack and says so in the subject of a mail", async () => {
    const channel = await slack("/mention", { break_glass_mention: "channel" });
    await post(channel.id, "test", { event_type: "request.break_glass" });
    expect(sink.to("/mention")[0]?.body).toContain("[TEST]");
    expect(sink.to("/mention")[0]?.body).not.toContain("<!channel>");
    const { id } = await email();
    const sent = await post(id, "test", { event_type: "channel.disabled" });
    expect(sent.body).toMatchObject({ outcome: "delivered", status_code: 250, request: { method: "SMTP" } });
    expect(smtp.mails[0]?.raw).toMatch(/^Subject: \[TEST\] Channel disabled: /m);
  });
});

const email = () =>
  tenant.api.createChannel("email", {
    name: "e",
    smtp_host: "127.0.0.1",
    smtp_port: smtp.port,
    from_address: "jit@example.com",
    to_addresses: ["ops@example.com"],
    tls: "none",
  });

describe("a preview", () => {
  test("of a webhook is what is sent, masked", async () => {
    const channel = await tenant.api.createWebhook(`${sink.url}/preview?token=hidden-token`, {
      headers: { "X-Token": "hidden-header" },
      signing_secret: "whsec_dGhpcyBpcyBhIHNlY3JldCBvZiAyNCBieXRlcw==",
    });
    const { status, body } = await post<{ http: Record<string, unknown> & { body: string } }>(
      channel.id,
      "preview",
      { event: { type: "grant.revoked", requester: "carol", attributes: { ticket: 7 } } },
    );
    expect(status).toBe(200);
    expect(body.http).toMatchObject({
      method: "POST",
      url: `${sink.url}/********`,
      headers: {
        "X-Token": "********",
        "webhook-signature": "********",
        "content-type": "application/json",
      },
    });
    expect(JSON.parse(body.http.body)).toMatchObject({
      type: "grant.revoked",
      data: { requester: "carol", attributes: { ticket: 7 } },
    });
    expect(JSON.parse(body.http.body)).not.toHaveProperty("test");
    expect(JSON.stringify(body)).not.toMatch(/hidden|whsec/);
    expect(sink.to("/preview")).toEqual([]);
  });

  test("of Slack, mail and SNS, of any type, in the tenant's own settings", async () => {
    await tenant.api.send("PUT", "/v1/tenant-settings", { product_name: "Gatekeeper" });
    const channel = await slack("/s", { break_glass_mention: "here" });
    const slackBody = await post<{ http: { body: string } }>(channel.id, "preview", {
      event_type: "request.break_glass",
    });
    expect(JSON.parse(slackBody.body.http.body)).toMatchObject({ text: expect.stringContaining("alice") });
    expect(slackBody.body.http.body).toContain("<!here>");
    expect(slackBody.body.http.body).toContain("Gatekeeper");
    const mail = await post<{ email: Record<string, string> }>((await email()).id, "preview");
    expect(mail.body.email).toMatchObject({
      from: "jit@example.com",
      to: ["ops@example.com"],
      subject: expect.stringMatching(/^\[Approval needed\]/),
      html: expect.stringContaining("Gatekeeper"),
    });
    const topic = "arn:aws:sns:eu-central-1:123456789012:topic";
    const sns = await tenant.api.createChannel("aws-sns", { name: "n", topic_arn: topic });
    const published = await post(sns.id, "preview", { event_type: "channel.disabled" });
    expect(published.body).toMatchObject({
      sns: { topic_arn: topic, attributes: { event_type: "channel.disabled", severity: "warning" } },
    });
  });

  test("refuses what it cannot draw", async () => {
    const { id } = await slack("/s2");
    const wrong = [
      { event_type: "grant.lost" },
      { event: { type: "grant.lost" } },
      { event_type: "grant.active", event: { type: "grant.active" } },
    ];
    for (const body of wrong) expect((await post(id, "preview", body)).status).toBe(400);
    const nobody = "0190a0b0-0000-7000-8000-000000000000";
    expect((await post(nobody, "preview")).status).toBe(404);
    expect((await post(nobody, "test")).status).toBe(404);
  });
});
