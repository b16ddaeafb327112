import { afterAll, beforeAll, describe, expect, test } from "vitest";
import { type HttpSink, type SinkScript, startHttpSink } from "../sinks/http-sink.ts";
import { type SmtpSink, startSmtpSink } from "../sinks/smtp-sink.ts";
import { type SnsEndpoint, startSnsEndpoint } from "../sinks/sns-endpoint.ts";
import { until } from "../support/until.ts";
import type { DeliveryJson } from "./api.ts";
import { type Deployment, deploy } from "./deployment.ts";
import { backends } from "./home.ts";

// At most three attempts, and what is recorded of each.

const aws = { accessKeyId: "AKIAEXAMPLEEXAMPLE12", secretAccessKey: "the-secret-of-the-service" };
const topic = "arn:aws:sns:eu-central-1:123456789012:access";
const attemptTimeoutMs = 2_000;
const backoffBaseMs = 100;
const retryAfterMaxMs = 2_000;

describe.each(backends)("%s", (backend) => {
  let deployment: Deployment;
  let sink: HttpSink;
  let smtp: SmtpSink;
  let sns: SnsEndpoint;

  beforeAll(async () => {
    sink = await startHttpSink();
    smtp = await startSmtpSink();
    sns = await startSnsEndpoint({ credentials: aws, topics: [topic] });
    deployment = await deploy(backend, {
      JITSUDO_BACKOFF_BASE_MS: String(backoffBaseMs),
      JITSUDO_ATTEMPT_TIMEOUT_MS: String(attemptTimeoutMs),
      JITSUDO_RETRY_AFTER_MAX_MS: String(retryAfterMaxMs),
      AWS_ACCESS_KEY_ID: aws.accessKeyId,
      AWS_SECRET_ACCESS_KEY: aws.secretAccessKey,
      AWS_ENDPOINT_URL_SNS: sns.url,
    });
  });

  afterAll(async () => {
    await deployment?.close();
    await Promise.all([sink.close(), smtp.close(), sns.close()]);
  });

  /** One event to a webhook that behaves so; answers the delivery once it has ended, and what arrived. */
  async function deliverTo(script: SinkScript) {
    const { id, api } = await deployment.newTenant();
    const path = `/${id}`;
    sink.respond(path, script);
    const { id: channelId } = await api.createWebhook(sink.url + path);
    const delivery = await api.deliverOne({ type: "grant.active", request_id: "r" });
    return { delivery, requests: sink.to(path), health: (await api.channel(channelId)) as unknown };
  }

  function expectTimes({ attempts, created_at, completed_at }: DeliveryJson) {
    let last = Date.parse(created_at);
    for (const { started_at, duration_ms } of attempts) {
      expect(Date.parse(started_at)).toBeGreaterThanOrEqual(last);
      expect(duration_ms).toBeGreaterThanOrEqual(0);
      last = Date.parse(started_at);
    }
    expect(Date.parse(completed_at ?? "")).toBeGreaterThanOrEqual(last);
  }

  test("fails twice, then works: three attempts, delivered", async () => {
    const { delivery, requests, health } = await deliverTo([
      { status: 500, body: "no" },
      { status: 503, delayMs: 50 },
      { status: 200, body: "at last" },
    ]);
    expect(delivery).toMatchObject({
      state: "delivered",
      attempt_count: 3,
      last_error: "HTTP 503",
      attempts: [
        { number: 1, outcome: "retry", status_code: 500, response: "no", error: "HTTP 500" },
        { number: 2, outcome: "retry", status_code: 503, error: "HTTP 503" },
        { number: 3, outcome: "delivered", status_code: 200, response: "at last", error: "" },
      ],
    });
    expectTimes(delivery);
    expect(delivery.attempts[1]?.duration_ms).toBeGreaterThanOrEqual(45);
    expect(requests).toHaveLength(3);
    expect(new Set(requests.map(({ headers }) => headers["webhook-id"]))).toEqual(new Set([delivery.id]));
    expect(new Set(requests.map(({ body }) => body)).size).toBe(1);
    expect(health).toMatchObject({
      health: { state: "healthy", consecutive_failures: 0, last_error: "HTTP 503" },
    });

    // Exponential: at least three quarters of the base, then of four times the base.
    const [first = 0, second = 0, third = 0] = requests.map(({ receivedAt }) => receivedAt.getTime());
    expect(second - first).toBeGreaterThanOrEqual(backoffBaseMs * 0.75 - 5);
    expect(third - second).toBeGreaterThanOrEqual(backoffBaseMs * 3 - 5);
  });

  test("always fails: exactly three attempts, failed", async () => {
    const { delivery, requests, health } = await deliverTo({ status: 500 });
    expect(delivery).toMatchObject({
      state: "failed",
      attempt_count: 3,
      last_error: "HTTP 500",
      attempts: [{ number: 1 }, { number: 2 }, { number: 3, status_code: 500 }],
    });
    expect(delivery.attempts).toHaveLength(3);
    expectTimes(delivery);
    expect(requests).toHaveLength(3);
    expect(health).toMatchObject({ health: { state: "degraded", consecutive_failures: 3 } });
  });

  test("a connection that breaks, and an answer that never comes, are retried", async () => {
    const { delivery } = await deliverTo(["reset", "hang", {}]);
    expect(delivery).toMatchObject({
      state: "delivered",
      attempts: [
        { outcome: "retry", error: expect.stringMatching(/connection/) },
        { outcome: "retry", error: `timed out after ${attemptTimeoutMs} ms` },
        { outcome: "delivered" },
      ],
    });
    expect(delivery.attempts[0]).not.toHaveProperty("status_code");
    expect(delivery.attempts[1]?.duration_ms).toBeGreaterThanOrEqual(attemptTimeoutMs - 5);
  });

  test("410 is final: one attempt", async () => {
    const { delivery, requests } = await deliverTo({ status: 410 });
    expect(delivery).toMatchObject({
      state: "failed",
      attempt_count: 1,
      last_error: "HTTP 410",
      attempts: [{ number: 1, outcome: "failed", status_code: 410, error: "HTTP 410" }],
    });
    expect(requests).toHaveLength(1);
  });

  test("Retry-After is honoured, up to the cap", async () => {
    const { delivery, requests } = await deliverTo([
      { status: 429, headers: { "Retry-After": "1" } },
      { status: 503, headers: { "Retry-After": "3600" } },
      {},
    ]);
    expect(delivery).toMatchObject({ state: "delivered", attempt_count: 3 });
    expect(delivery.attempts.map(({ number }) => number)).toEqual([1, 2, 3]);
    const [first = 0, second = 0, third = 0] = requests.map(({ receivedAt }) => receivedAt.getTime());
    expect(second - first).toBeGreaterThanOrEqual(1_000);
    expect(third - second).toBeGreaterThanOrEqual(retryAfterMaxMs);
    expect(third - second).toBeLessThan(retryAfterMaxMs + 5_000);
  });

  test("each protocol's own final answers end a delivery at once, its passing ones do not", async () => {
    const { id, api } = await deployment.newTenant();
    const slackPath = `/slack/${id}`;
    const channels = [
      await api.createChannel("slack-webhook", { name: "a", webhook_url: sink.url + slackPath }),
      await api.createChannel("email", {
        name: "b",
        smtp_host: smtp.host,
        smtp_port: smtp.port,
        from_address: "jitsudo@example.com",
        to_addresses: [`${id}@example.com`],
      }),
      await api.createChannel("aws-sns", { name: "c", topic_arn: topic }),
    ];
    const outcomes = async (requestId: string) => {
      const { id: eventId } = await api.ingest({ type: "grant.expired", request_id: requestId });
      const deliveries = await api.settled(eventId);
      return channels.map(({ id: channelId }) => {
        const found = deliveries.find(({ channel_id }) => channel_id === channelId);
        return `${found?.state} after ${found?.attempt_count}: ${found?.last_error}`;
      });
    };

    sink.respond(slackPath, { status: 404, body: "no_service" });
    smtp.react("rcpt", { code: 550, text: "no such user" });
    sns.answerNext("Publish", { status: 404, code: "NotFound", message: "Topic does not exist" });
    const [slack, email, publish] = await outcomes("final");
    expect(slack).toBe("failed after 1: no_service");
    expect(email).toMatch(/^failed after 1: .*550/);
    expect(publish).toMatch(/^failed after 1: .*NotFound/);

    sink.respond(slackPath, [{ status: 500, body: "rollup_error" }, {}]);
    let rejected = 0;
    smtp.react("data", () => (rejected++ === 0 ? { code: 451, text: "try again" } : "accept"));
    smtp.react("rcpt", "accept");
    sns.answerNext("Publish", { status: 400, code: "Throttling", message: "Rate exceeded" });
    for (const outcome of await outcomes("passing")) expect(outcome).toMatch(/^delivered after 2: ./);
  });

  test("no error and no log line tells a secret", async () => {
    const { id, api } = await deployment.newTenant();
    const path = `/hidden-${id}`;
    sink.respond(path, ({ headers }) => ({ status: 500, body: `no ${headers.authorization} for ${path}` }));
    await api.createWebhook(`${sink.url}${path}?token=hush-hush`, {
      headers: { Authorization: "Bearer open-sesame" },
    });
    const delivery = await api.deliverOne({ type: "grant.active" });
    expect(delivery.state).toBe("failed");
    const shown = JSON.stringify(delivery) + deployment.service.stdout() + deployment.service.stderr();
    for (const secret of ["open-sesame", "hush-hush", path]) expect(shown).not.toContain(secret);
  });

  test.each(["disabled", "deleted"])("what waits is cancelled when the channel is %s", async (how) => {
    const { id, api } = await deployment.newTenant();
    const path = `/${id}`;
    sink.respond(path, ["hang", {}]);
    const channel = await api.createWebhook(sink.url + path);
    // They are about one request: the later ones wait for the first, which hangs.
    const events = [];
    for (const reason of ["1", "2", "3", "4"]) {
      events.push(await api.ingest({ type: "grant.active", request_id: "r", reason }));
    }
    await until(() => sink.to(path).length === 1);
    if (how === "disabled") await api.updateChannel(channel.id, { enabled: false });
    else await api.deleteChannel(channel.id);

    for (const event of events) {
      const [delivery] = await api.settled(event.id);
      expect(delivery).toMatchObject({ state: "cancelled", completed_at: expect.any(String) });
    }
    const [first] = await api.deliveries({ event_id: events[0]?.id ?? "" });
    expect(first).toMatchObject({ attempt_count: 1 });
    expect(sink.to(path)).toHaveLength(1);
    expect(await api.ingest({ type: "grant.expired" })).toMatchObject({ deliveries: 0 });

    if (how === "deleted") return;
    await api.updateChannel(channel.id, { enabled: true });
    expect(await api.deliverOne({ type: "grant.active", request_id: "r", reason: "4" })).toMatchObject({
      state: "delivered",
    });
    expect(sink.to(path)).toHaveLength(2);
  });
});
