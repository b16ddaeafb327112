import { writeFile } from "node:fs/promises";
import { join } from "node:path";
import { Webhook } from "standardwebhooks";
import { afterAll, beforeAll, describe, expect, test } from "vitest";
import { eventTypes } from "../../src/events.ts";
import { makeCertificates } from "../sinks/certificates.ts";
import { type HttpSink, startHttpSink } from "../sinks/http-sink.ts";
import { type SmtpSink, startSmtpSink } from "../sinks/smtp-sink.ts";
import { type SnsEndpoint, startSnsEndpoint } from "../sinks/sns-endpoint.ts";
import { makeTempDir, removeDir } from "../support/temp-dir.ts";
import { type Deployment, deploy, type Tenant } from "./deployment.ts";
import { backends } from "./home.ts";

// What arrives: each event type on each kind of channel, as real endpoints see it.

const aws = { accessKeyId: "AKIAEXAMPLEEXAMPLE12", secretAccessKey: "the-secret-of-the-service" };
const topic = "arn:aws:sns:eu-central-1:123456789012:access";
const role = "arn:aws:iam::210987654321:role/publisher";
const signingSecret = `whsec_${Buffer.from("a key of twenty-four bytes").toString("base64")}`;
const smtpAuth = { username: "jitsudo", password: "hunter2" };

/** All that an event can tell; each type has an id of its own, so that none waits for another. */
const eventOf = (type: string) => ({
  type,
  occurred_at: "2026-03-01T17:05:00Z",
  request_id: `req-${type}`,
  grant_id: `grant-${type}`,
  requester: "ada@example.com",
  reviewer: "grace@example.com",
  resource_type: "aws_account",
  resource_id: "123456789012",
  permission_set_arn: "arn:aws:sso:::permissionSet/ssoins-1/ps-1",
  duration_seconds: 3600,
  justification: "database is down <b>&",
  reason: "looks fine",
  expires_at: "2099-03-01T18:05:00Z",
  url: "https://jitsudo.example.com/requests/1",
  attributes: { ticket: "INC-1", nested: { list: [1, true, null] } },
});

describe.each(backends)("%s", (backend) => {
  let deployment: Deployment;
  let http: HttpSink;
  let smtp: SmtpSink;
  let sns: SnsEndpoint;
  let caDir: string;

  beforeAll(async () => {
    const certificates = makeCertificates();
    caDir = await makeTempDir();
    await writeFile(join(caDir, "ca.pem"), certificates.ca);
    http = await startHttpSink();
    smtp = await startSmtpSink({ tls: "starttls", certificate: certificates, auth: smtpAuth });
    sns = await startSnsEndpoint({ credentials: aws, roles: { [role]: { externalId: "tenant-7" } } });
    deployment = await deploy(backend, {
      NODE_EXTRA_CA_CERTS: join(caDir, "ca.pem"),
      AWS_ACCESS_KEY_ID: aws.accessKeyId,
      AWS_SECRET_ACCESS_KEY: aws.secretAccessKey,
      AWS_ENDPOINT_URL_SNS: sns.url,
      AWS_ENDPOINT_URL_STS: sns.url,
    });
  });

  afterAll(async () => {
    await deployment?.close();
    await Promise.all([http.close(), smtp.close(), sns.close()]);
    removeDir(caDir);
  });

  /** Makes one channel of each kind, on paths and addresses of the tenant's own. */
  async function makeChannels({ id, api }: Tenant, filters: Record<string, string[]> = {}) {
    const slack = { name: "slack", webhook_url: `${http.url}/slack/${id}` };
    const webhook = { name: "webhook", url: `${http.url}/hook/${id}`, signing_secret: signingSecret };
    const email = {
      name: "mail",
      smtp_host: "localhost",
      smtp_port: smtp.port,
      smtp_username: smtpAuth.username,
      smtp_password: smtpAuth.password,
      tls: "starttls_required",
      from_address: "jitsudo@example.com",
      to_addresses: [`${id}@example.com`, "second@example.com"],
    };
    const publish = { name: "sns", topic_arn: `${topic}-${id}` };
    for (const [kind, body] of Object.entries({
      "slack-webhook": slack,
      "generic-webhook": webhook,
      email,
      "aws-sns": publish,
    })) {
      await api.createChannel(kind, { ...body, event_filters: filters[kind] ?? [] });
    }
  }

  const received = ({ id }: Tenant) => ({
    slack: http.to(`/slack/${id}`).map(({ body }) => JSON.parse(body)),
    webhooks: http.to(`/hook/${id}`),
    mails: smtp.mails.filter(({ envelope }) => envelope.to.includes(`${id}@example.com`)),
    published: sns.messages.filter(({ topicArn }) => topicArn === `${topic}-${id}`),
  });

  test("each of nine event types reaches each of four kinds of channel", async () => {
    const tenant = await deployment.newTenant();
    await makeChannels(tenant);
    const ids = new Map<string, string>();
    for (const type of eventTypes) {
      const { id, deliveries } = await tenant.api.ingest(eventOf(type));
      expect(deliveries).toBe(4);
      ids.set(type, id);
    }
    for (const [type, id] of ids) {
      const deliveries = await tenant.api.settled(id);
      expect(deliveries.map(({ channel_type }) => channel_type).sort()).toEqual([
        "aws_sns",
        "email",
        "generic_webhook",
        "slack_webhook",
      ]);
      for (const delivery of deliveries) {
        expect(delivery).toMatchObject({
          event_type: type,
          event_id: id,
          state: "delivered",
          attempt_count: 1,
          last_error: "",
          duplicate_of: "",
          attempts: [{ number: 1, outcome: "delivered", error: "" }],
        });
      }
    }

    const { slack, webhooks, mails, published } = received(tenant);
    expect([slack, webhooks, mails, published].map(({ length }) => length)).toEqual([9, 9, 9, 9]);
    for (const [type, id] of ids) {
      const webhook = webhooks.find(({ body }) => JSON.parse(body).type === type);
      const payload = JSON.parse(webhook?.body ?? "");
      const { type: _, occurred_at, ...data } = eventOf(type);
      expect(payload).toMatchObject({
        id,
        type,
        timestamp: occurred_at,
        received_at: expect.stringMatching(/^\d{4}-.*Z$/),
        tenant_id: tenant.id,
        delivery_id: webhook?.headers["webhook-id"],
      });
      expect(payload.data).toEqual(data);
      expect(
        new Webhook(signingSecret).verify(webhook?.body ?? "", { ...webhook?.headers } as never),
      ).toEqual(payload);
      expect(() =>
        new Webhook(signingSecret).verify(`${webhook?.body} `, { ...webhook?.headers } as never),
      ).toThrow();

      const message = published.find(({ attributes }) => attributes.event_type === type);
      expect(message).toMatchObject({ region: "eu-central-1", attributes: { tenant_id: tenant.id } });
      expect(message?.subject).toContain("123456789012");
      // One text for each protocol of the topic's subscribers; the default one is what webhooks get.
      const { default: forAll } = JSON.parse(message?.message ?? "");
      expect(JSON.parse(forAll)).toMatchObject({ id, type, tenant_id: tenant.id, data });

      const mail = mails.find(({ parsed }) => parsed.headers.get("x-jitsudo-event-type") === type);
      expect(mail).toMatchObject({
        secure: true,
        username: smtpAuth.username,
        envelope: { from: "jitsudo@example.com", to: [`${tenant.id}@example.com`, "second@example.com"] },
      });
      expect(mail?.parsed.subject).toContain("ada@example.com");
      expect(mail?.parsed.text).toContain("database is down <b>&");
      expect(mail?.parsed.html).toContain("database is down &lt;b&gt;&amp;");

      const post = slack.find((message) => JSON.stringify(message).includes(`req-${type}`));
      expect(JSON.stringify(post)).toContain("database is down &lt;b&gt;&amp;");
      expect(JSON.stringify(post)).toContain("https://jitsudo.example.com/requests/1");
      expect(post.text).toMatch(/\S/);
    }
    const titles = new Set(mails.map(({ parsed }) => parsed.subject));
    expect(titles.size).toBe(9);
  });

  test("an event with nothing but its type reaches each kind too", async () => {
    const tenant = await deployment.newTenant();
    await makeChannels(tenant);
    for (const type of eventTypes) {
      const { id } = await tenant.api.ingest({ type });
      const states = (await tenant.api.settled(id)).map(({ state }) => state);
      expect(states).toEqual(Array(4).fill("delivered"));
    }
    const payload = JSON.parse(received(tenant).webhooks[0]?.body ?? "");
    expect(payload).toMatchObject({ data: {}, timestamp: payload.received_at });
  });

  test("filters decide, and so does enabled", async () => {
    const tenant = await deployment.newTenant();
    await makeChannels(tenant, {
      "slack-webhook": ["request.break_glass"],
      "generic-webhook": ["request.pending", "grant.active"],
      email: [],
      "aws-sns": ["grant.revoked"],
    });
    await tenant.api.createWebhook(`${http.url}/disabled/${tenant.id}`, { enabled: false });
    const counts: Record<string, number> = {};
    const events: string[] = [];
    for (const type of eventTypes) {
      const { id, deliveries } = await tenant.api.ingest(eventOf(type));
      counts[type] = deliveries;
      events.push(id);
    }
    expect(counts).toEqual({
      "request.pending": 2,
      "request.approved": 1,
      "request.denied": 1,
      "request.expired": 1,
      "request.break_glass": 2,
      "grant.active": 2,
      "grant.expiring_soon": 1,
      "grant.expired": 1,
      "grant.revoked": 2,
    });
    for (const id of events) await tenant.api.settled(id);
    const { slack, webhooks, mails, published } = received(tenant);
    expect(slack).toHaveLength(1);
    expect(webhooks.map(({ body }) => JSON.parse(body).type).sort()).toEqual([
      "grant.active",
      "request.pending",
    ]);
    expect(mails).toHaveLength(9);
    expect(published.map(({ attributes }) => attributes.event_type)).toEqual(["grant.revoked"]);
    expect(http.to(`/disabled/${tenant.id}`)).toEqual([]);
  });

  test("an event that no channel wants is taken all the same", async () => {
    const { api } = await deployment.newTenant();
    const { id, deliveries } = await api.ingest(eventOf("grant.active"));
    expect(deliveries).toBe(0);
    expect(await api.deliveries({ event_id: id })).toEqual([]);
  });

  test("SNS: another account's role is assumed, a FIFO topic gets group and deduplication id", async () => {
    const { id, api } = await deployment.newTenant();
    const topicArn = `${topic}-${id}.fifo`;
    await api.createChannel("aws-sns", {
      name: "fifo",
      topic_arn: topicArn,
      role_arn: role,
      external_id: "tenant-7",
    });
    const delivery = await api.deliverOne({ type: "grant.active", request_id: "req 1" });
    expect(delivery).toMatchObject({ state: "delivered", attempts: [{ status_code: 200 }] });
    const message = sns.messages.find((published) => published.topicArn === topicArn);
    expect(message).toMatchObject({ deduplicationId: delivery.id, groupId: expect.any(String) });
    expect(message?.messageId).toBe(delivery.attempts[0]?.response);
    expect(sns.assumedRoles).toContainEqual(
      expect.objectContaining({ roleArn: role, externalId: "tenant-7", accessKeyId: message?.accessKeyId }),
    );
  });
});
