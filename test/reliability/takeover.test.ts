import { afterAll, afterEach, beforeAll, beforeEach, expect, inject, test } from "vitest";
import { type HttpSink, type SinkReply, startHttpSink } from "../sinks/http-sink.ts";
import { startSmtpSink } from "../sinks/smtp-sink.ts";
import { startSnsEndpoint } from "../sinks/sns-endpoint.ts";
import { createDatabase } from "../support/postgres.ts";
import { until } from "../support/until.ts";
import { type Cluster, metric, startCluster } from "./support/cluster.ts";
import type { Tenant } from "./support/tenant.ts";

// Leases between worker processes: renewed, taken over, fenced; and what of a
// delivery survives the death of its worker.

const leaseMs = 1500;
const pollMs = 200;
const awsKeys = { accessKeyId: "AKIDEXAMPLE", secretAccessKey: "secret-of-the-test" };

let cluster: Cluster;
let sink: HttpSink;
let tenant: Tenant;

beforeAll(async () => {
  sink = await startHttpSink();
});

afterAll(async () => {
  await sink.close();
});

beforeEach(async () => {
  sink.requests.length = 0;
  cluster = await startCluster({
    databaseUrl: await createDatabase(inject("postgresUrl")),
    env: { JITSUDO_LEASE_MS: String(leaseMs) },
  });
  tenant = await cluster.tenant(await cluster.start("api"));
});

afterEach(async () => {
  await cluster.close();
});

const webhookIds = () => new Set(sink.requests.map(({ headers }) => headers["webhook-id"]));

/** A reply that the endpoint gives when the test says so. */
function heldReply() {
  const { promise, resolve } = Promise.withResolvers<SinkReply>();
  return { script: () => promise, give: resolve };
}

test("a lease is renewed as long as the attempt goes on", async () => {
  for (let i = 0; i < 2; i++) await cluster.start("worker", { JITSUDO_ATTEMPT_TIMEOUT_MS: "10000" });
  sink.respond("/slow", { delayMs: 3 * leaseMs });
  await tenant.webhook(`${sink.url}/slow`);
  const [delivery] = await tenant.ended(await tenant.send());
  expect(delivery).toMatchObject({ state: "delivered", attempt_count: 1 });
  expect(sink.requests).toHaveLength(1);
});

test("a dead worker's delivery is taken over within a lease and a poll, under the same id", async () => {
  const first = await cluster.start("worker", { JITSUDO_ATTEMPT_TIMEOUT_MS: "10000" });
  sink.respond("/crash", ["hang", {}]);
  await tenant.webhook(`${sink.url}/crash`);
  const eventId = await tenant.send();
  await sink.waitFor(1);
  await cluster.start("worker");
  await first.kill();
  const killedAt = performance.now();
  await sink.waitFor(2);
  // What is beyond lease and poll is the time that the statements take on a busy machine.
  expect(performance.now() - killedAt).toBeLessThan(leaseMs + pollMs + 5_000);

  const [delivery] = await tenant.ended(eventId);
  expect(delivery).toMatchObject({
    state: "delivered",
    attempt_count: 2,
    attempts: [{ outcome: "interrupted" }, { outcome: "delivered" }],
  });
  expect([...webhookIds()]).toEqual([delivery?.id]);
});

test("a worker that was paused past its lease cannot overwrite the new owner's result", async () => {
  const paused = await cluster.start("worker", { JITSUDO_ATTEMPT_TIMEOUT_MS: "20000" });
  const [old, current] = [heldReply(), heldReply()];
  sink.respond("/fence", (_, count) => (count === 0 ? old.script() : current.script()));
  await tenant.webhook(`${sink.url}/fence`);
  const eventId = await tenant.send();
  await sink.waitFor(1);
  paused.pause();
  await cluster.start("worker", { JITSUDO_ATTEMPT_TIMEOUT_MS: "20000" });
  await sink.waitFor(2);

  // Both hold an attempt of it now. 410 would end the delivery as failed.
  old.give({ status: 410 });
  paused.resume();
  await until(async () => (await metric(paused, "jitsudo_leases_lost_total")) === 1);
  current.give({ status: 200 });
  const [delivery] = await tenant.ended(eventId);
  expect(delivery).toMatchObject({
    state: "delivered",
    attempts: [{ outcome: "interrupted" }, { outcome: "delivered" }],
  });
});

test("attempts survive crashes: workers that die between send and record make three in all", async () => {
  sink.respond("/deadly", "hang");
  await tenant.webhook(`${sink.url}/deadly`);
  const eventId = await tenant.send();
  for (let attempt = 1; attempt <= 3; attempt++) {
    const worker = await cluster.start("worker", { JITSUDO_ATTEMPT_TIMEOUT_MS: "20000" });
    await sink.waitFor(attempt);
    await worker.kill();
  }
  await cluster.start("worker");
  const [delivery] = await tenant.ended(eventId);
  expect(delivery).toMatchObject({ state: "failed", attempt_count: 3 });
  expect(delivery?.attempts.map(({ number, outcome }) => [number, outcome])).toEqual([
    [1, "interrupted"],
    [2, "interrupted"],
    [3, "interrupted"],
  ]);
  expect(sink.requests).toHaveLength(3);
  expect(webhookIds().size).toBe(1);
});

test("failed attempts and those of dead workers count together", async () => {
  sink.respond("/mixed", [{ status: 500 }, "hang", { status: 500 }]);
  await tenant.webhook(`${sink.url}/mixed`);
  const eventId = await tenant.send();
  const first = await cluster.start("worker", { JITSUDO_ATTEMPT_TIMEOUT_MS: "20000" });
  await sink.waitFor(2);
  await first.kill();
  await cluster.start("worker");
  const [delivery] = await tenant.ended(eventId);
  expect(delivery?.attempts.map(({ outcome }) => outcome)).toEqual(["retry", "interrupted", "retry"]);
  expect(delivery).toMatchObject({ state: "failed", attempt_count: 3 });
  expect(sink.requests).toHaveLength(3);
});

test("Message-ID and the SNS deduplication id are the same after a takeover", async () => {
  const smtp = await startSmtpSink();
  const sns = await startSnsEndpoint({ credentials: awsKeys });
  const env = {
    AWS_ENDPOINT_URL_SNS: sns.url,
    AWS_ACCESS_KEY_ID: awsKeys.accessKeyId,
    AWS_SECRET_ACCESS_KEY: awsKeys.secretAccessKey,
    JITSUDO_ATTEMPT_TIMEOUT_MS: "20000",
  };
  try {
    const email = {
      name: "mail",
      smtp_host: smtp.host,
      smtp_port: smtp.port,
      from_address: "a@example.com",
      to_addresses: ["b@example.com"],
      tls: "none",
    };
    const topic = { name: "sns", topic_arn: "arn:aws:sns:eu-west-1:123456789012:notices.fifo" };
    expect((await tenant.call("POST", "/v1/notification-channels/email", email)).status).toBe(201);
    expect((await tenant.call("POST", "/v1/notification-channels/aws-sns", topic)).status).toBe(201);
    // Taken by the endpoints, and then the worker dies before it can say so.
    const first = await cluster.start("worker", env);
    smtp.react("data", "hang");
    sns.answerNext("Publish", "hang");
    const eventId = await tenant.send();
    await until(() => sns.calls.Publish === 1 && smtp.openConnections() > 0);
    await first.kill();
    smtp.react("data", "accept");
    await cluster.start("worker", env);
    const deliveries = await tenant.ended(eventId);
    expect(deliveries.map(({ state }) => state)).toEqual(["delivered", "delivered"]);
    const idOf = (type: string) =>
      deliveries.find((delivery) => delivery.channel_type === type)?.id ?? "none";
    expect(smtp.mails.map(({ parsed }) => parsed.messageId)).toEqual([
      expect.stringContaining(idOf("email")),
    ]);
    expect(sns.messages.map(({ deduplicationId }) => deduplicationId)).toEqual([idOf("aws_sns")]);
  } finally {
    await sns.close();
    await smtp.close();
  }
});
