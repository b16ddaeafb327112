import { execFileSync } from "node:child_process";
import type { AddressInfo } from "node:net";
import { createServer } from "node:net";
import { Webhook } from "standardwebhooks";
import { buildConnector } from "undici";
import { afterEach, beforeEach, describe, expect, test } from "vitest";
import type { Channel, ChannelConfigs, Notice, SendOutcome } from "../src/channels/channel.ts";
import { createGenericWebhookSender } from "../src/channels/generic-webhook.ts";
import { addressRefused } from "../src/channels/http-failure.ts";
import { createHttpPoster, type HttpPosterOptions } from "../src/channels/http-post.ts";
import { createSlackWebhookSender } from "../src/channels/slack-webhook.ts";
import { type HttpSink, startHttpSink } from "./sinks/http-sink.ts";

const timeoutMs = 300;
const path = "/hooks/T0123456789/s3cr3t-t0ken";
const notice: Notice = {
  deliveryId: "0198c0de-0000-7000-8000-000000000001",
  eventId: "0198c0de-0000-7000-8000-000000000002",
  tenantId: "0198c0de-0000-7000-8000-000000000003",
  receivedAt: new Date("2026-03-01T10:00:00Z"),
  event: {
    type: "request.break_glass",
    occurred_at: "2026-03-01T09:59:58.123456789Z",
    requester: "alice",
    attributes: { ticket: ["OPS-1", 2, null] },
  },
};

/** Key and certificate in one PEM text. */
const selfSigned = execFileSync(
  "openssl",
  [
    ..."req -x509 -newkey ec -pkeyopt ec_paramgen_curve:P-256 -nodes -days 1 -subj /CN=localhost".split(" "),
    ..."-keyout - -out -".split(" "),
  ],
  { encoding: "utf8", stdio: ["ignore", "pipe", "ignore"] },
);

let sink: HttpSink;
const closing: (() => Promise<void>)[] = [];

beforeEach(async () => {
  sink = await startHttpSink();
  closing.push(sink.close);
});

afterEach(async () => {
  for (const close of closing.splice(0).reverse()) await close();
});

type GenericConfig = Partial<ChannelConfigs["generic_webhook"]>;

function poster(options: Partial<HttpPosterOptions> = {}) {
  const made = createHttpPoster({ timeoutMs, maxResponseBytes: 16_384, ...options });
  closing.push(made.close);
  return made;
}

function sendGeneric(
  config: GenericConfig = {},
  options: Partial<HttpPosterOptions> = {},
  signal = new AbortController().signal,
): Promise<SendOutcome> {
  const channel: Extract<Channel, { type: "generic_webhook" }> = {
    id: "c",
    tenantId: notice.tenantId,
    type: "generic_webhook",
    config: { url: sink.url + path, ...config },
  };
  const sender = createGenericWebhookSender({ poster: poster(options), createPoster: () => poster(options) });
  return sender.send(channel, notice, signal);
}

function sendSlack(): Promise<SendOutcome> {
  const channel: Extract<Channel, { type: "slack_webhook" }> = {
    id: "c",
    tenantId: notice.tenantId,
    type: "slack_webhook",
    config: { webhook_url: sink.url + path },
  };
  return createSlackWebhookSender({ poster: poster() }).send(channel, notice, new AbortController().signal);
}

describe("what a generic webhook receives", () => {
  test("is the documented payload with the headers of Standard Webhooks, signed", async () => {
    const signing_secret = `whsec_${Buffer.alloc(32, 7).toString("base64")}`;
    const headers = { "X-Team": "security", Authorization: "Bearer abcdefgh" };
    expect(await sendGeneric({ signing_secret, headers })).toEqual({
      kind: "delivered",
      statusCode: 200,
      response: "ok",
    });
    const [request] = sink.requests;
    expect(request).toMatchObject({
      method: "POST",
      headers: {
        "content-type": "application/json",
        "user-agent": "jitsudo-notifications",
        "webhook-id": notice.deliveryId,
        "x-team": "security",
        authorization: "Bearer abcdefgh",
      },
    });
    const payload = new Webhook(signing_secret).verify(
      request?.body ?? "",
      request?.headers as Record<string, string>,
    );
    expect(payload).toEqual({
      id: notice.eventId,
      type: "request.break_glass",
      timestamp: "2026-03-01T09:59:58.123456789Z",
      received_at: "2026-03-01T10:00:00.000Z",
      tenant_id: notice.tenantId,
      delivery_id: notice.deliveryId,
      schema: "urn:jitsudo:notice:v1",
      severity: "critical",
      title: "Break-glass access used",
      summary: "alice used break-glass to get access.",
      data: { requester: "alice", attributes: { ticket: ["OPS-1", 2, null] } },
    });
  });

  test.each([
    ["cloudevents_structured", "application/cloudevents+json; charset=utf-8", undefined],
    ["cloudevents_binary", "application/json", "jitsudo.request.break_glass"],
  ] as const)("is a CloudEvent with format %s, signed likewise", async (format, contentType, ceType) => {
    const signing_secret = `whsec_${Buffer.alloc(32, 7).toString("base64")}`;
    expect(await sendGeneric({ format, signing_secret })).toMatchObject({ kind: "delivered" });
    const { headers = {}, body = "" } = sink.requests[0] ?? {};
    expect(headers["content-type"]).toBe(contentType);
    expect(headers["ce-type"]).toBe(ceType);
    expect(headers["webhook-id"]).toBe(notice.deliveryId);
    const verified = new Webhook(signing_secret).verify(body, headers as Record<string, string>);
    expect(verified).toMatchObject({ id: notice.eventId });
  });

  test("has no signature without a secret, and may carry a user agent of its own", async () => {
    await sendGeneric({ headers: { "User-Agent": "ours" } });
    expect(sink.requests[0]?.headers).toMatchObject({ "user-agent": "ours" });
    expect(sink.requests[0]?.headers).not.toHaveProperty("webhook-signature");
  });
});

describe("the answer of a generic webhook", () => {
  test.each([200, 201, 202])("HTTP %i is delivered", async (status) => {
    sink.respond(path, { status, body: "thanks" });
    expect(await sendGeneric()).toEqual({ kind: "delivered", statusCode: status, response: "thanks" });
  });

  test("HTTP 204 is delivered", async () => {
    sink.respond(path, { status: 204, body: "" });
    expect(await sendGeneric()).toEqual({ kind: "delivered", statusCode: 204 });
  });

  test.each([400, 401, 404, 500, 502])("HTTP %i asks for another attempt", async (status) => {
    sink.respond(path, { status, body: "no" });
    const error = `HTTP ${status}`;
    expect(await sendGeneric()).toEqual({ kind: "retry", error, statusCode: status, response: "no" });
  });

  test("HTTP 410 is final", async () => {
    sink.respond(path, { status: 410, body: "" });
    expect(await sendGeneric()).toEqual({ kind: "failed", error: "HTTP 410", statusCode: 410 });
  });

  test.each([
    [429, "120", 120_000],
    [503, "0", 0],
    [503, "Sun, 06 Nov 1994 08:49:37 GMT", 0],
    [503, "Sunday, 06-Nov-94 08:49:37 GMT", 0],
    [503, "Sun Nov  6 08:49:37 1994", 0],
    [429, "soon", undefined],
    [429, "-5", undefined],
    [429, "1.5", undefined],
    [429, "2026-03-01", undefined],
    [500, "120", undefined],
  ])("HTTP %i with Retry-After %j asks to wait %j ms", async (status, value, wait) => {
    sink.respond(path, { status, headers: { "retry-after": value } });
    const outcome = await sendGeneric();
    expect(outcome).toMatchObject({ kind: "retry", error: `HTTP ${status}` });
    expect(outcome.kind === "retry" && outcome.retryAfterMs).toBe(wait);
  });

  test("Retry-After may be a date to come", async () => {
    const date = new Date(Date.now() + 60_000).toUTCString();
    sink.respond(path, { status: 429, headers: { "retry-after": date } });
    const outcome = await sendGeneric();
    const wait = outcome.kind === "retry" ? (outcome.retryAfterMs ?? 0) : 0;
    expect(wait).toBeGreaterThan(50_000);
    expect(wait).toBeLessThanOrEqual(60_000);
  });

  test.each([301, 302, 303, 307, 308])("HTTP %i is not followed", async (status) => {
    sink.respond(path, { status, headers: { location: `${sink.url}/elsewhere` } });
    const error = `HTTP ${status}: redirects are not followed`;
    expect(await sendGeneric()).toMatchObject({ kind: "retry", error, statusCode: status });
    expect(sink.requests).toHaveLength(1);
  });

  test("is kept on one line, cut to 256 characters and without control characters", async () => {
    sink.respond(path, { status: 500, body: `a\r\n\u0000\u001b[31mb ${"\u{1f600}".repeat(200)}` });
    const { response = "" } = await sendGeneric();
    expect(response).toMatch(/^a \[31mb (\u{1f600})+$/u);
    expect(response.length).toBeLessThanOrEqual(256);
    expect(response.isWellFormed()).toBe(true);
  });

  test("never shows a secret of the channel that it echoes", async () => {
    sink.respond(path, ({ headers, path }) => ({
      status: 500,
      body: `${path} ${JSON.stringify(headers)} Bearer ${headers.authorization} signing "$+(secret)`,
    }));
    const outcome = await sendGeneric({
      url: `${sink.url}${path}?key=querysecret`,
      headers: { Authorization: "Bearer abcdefgh.ijkl", "X-Key": 'k"ey' },
      signing_secret: "$+(secret)",
    });
    expect(outcome.response).toContain("[redacted]");
    for (const secret of ["s3cr3t", "T0123456789", "abcdefgh", 'k"ey', 'k\\"ey', "$+(secret)"]) {
      expect(JSON.stringify(outcome)).not.toContain(secret);
    }
  });

  test("nor one that it has decoded", async () => {
    sink.respond(path, { status: 500, body: "to/ken==1234 bob:pass-word pass-word" });
    const { response } = await sendGeneric({
      url: `${sink.url}${path}?token=to%2Fken%3D%3D1234`,
      headers: { Authorization: `Basic ${Buffer.from("bob:pass-word").toString("base64")}` },
    });
    expect(response).toBe("[redacted] [redacted] [redacted]");
  });

  test("leaves no part of a secret behind where it is cut", async () => {
    const secret = "0123456789abcdef".repeat(100);
    sink.respond(path, { body: `${"x".repeat(250)}${secret}${secret}` });
    const { response } = await sendGeneric({ signing_secret: secret });
    expect(response).toBe(`${"x".repeat(250)}[redac`);
  });
});

describe("an endpoint that misbehaves", () => {
  const timedOut = { kind: "retry", error: `timed out after ${timeoutMs} ms` };

  test("and never answers costs no more than the time limit", async () => {
    sink.respond(path, "hang");
    const start = performance.now();
    expect(await sendGeneric()).toEqual(timedOut);
    expect(performance.now() - start).toBeGreaterThanOrEqual(timeoutMs - 5);
  });

  test("and drips its body costs no more than the time limit", async () => {
    sink.respond(path, { dripEveryMs: 20 });
    expect(await sendGeneric()).toEqual(timedOut);
  });

  test("and never lets connect costs no more than the time limit", async () => {
    expect(await sendGeneric({}, { connect: () => undefined })).toEqual(timedOut);
  });

  test("and resets the connection is tried again", async () => {
    sink.respond(path, "reset");
    expect(await sendGeneric()).toEqual({ kind: "retry", error: "connection reset" });
  });

  test.each(["keep-alive", "close"])(
    "and sends a huge body is read to the bound only (%s)",
    async (connection) => {
      sink.respond(path, { status: 500, headers: { connection }, body: "x".repeat(50_000_000) });
      const result = await poster({ maxResponseBytes: 1000, timeoutMs: 5000 }).post(
        sink.url + path,
        [],
        "{}",
        new AbortController().signal,
      );
      expect(result).toEqual({ kind: "response", status: 500, body: "x".repeat(1000) });
    },
  );

  test.each(["keep-alive", "close"])(
    "and sends a little more than the bound is cut (%s)",
    async (connection) => {
      sink.respond(path, [{ headers: { connection }, body: "x".repeat(1001) }, { body: "next" }]);
      const { post } = poster({ maxResponseBytes: 1000 });
      const again = () => post(sink.url + path, [], "{}", new AbortController().signal);
      expect(await again()).toEqual({ kind: "response", status: 200, body: "x".repeat(1000) });
      expect(await again()).toEqual({ kind: "response", status: 200, body: "next" });
    },
  );

  test("and does not speak HTTP is tried again", async () => {
    const server = createServer((socket) =>
      socket
        .on("error", () => undefined)
        .resume()
        .end("SMTP ready\r\n"),
    );
    await new Promise<void>((resolve) => server.listen(0, "127.0.0.1", resolve));
    closing.push(() => new Promise((resolve) => server.close(() => resolve())));
    const { port } = server.address() as AddressInfo;
    expect(await sendGeneric({ url: `http://127.0.0.1:${port}/` })).toEqual({
      kind: "retry",
      error: "the response is not HTTP",
    });
    expect(await sendGeneric({ url: `https://127.0.0.1:${port}/` })).toEqual({
      kind: "retry",
      error: "TLS: handshake failed",
    });
  });

  test("and begins to answer without end is given up before its time is over", async () => {
    const server = createServer((socket) => {
      const more = () => socket.write("HTTP/1.1 103 Early Hints\r\n\r\n".repeat(100));
      socket
        .on("error", () => undefined)
        .on("drain", more)
        .once("data", more)
        .resume();
    });
    await new Promise<void>((resolve) => server.listen(0, "127.0.0.1", resolve));
    closing.push(() => new Promise((resolve) => server.close(() => resolve())));
    const { port } = server.address() as AddressInfo;
    expect(await sendGeneric({ url: `http://127.0.0.1:${port}/` }, { timeoutMs: 60_000 })).toEqual({
      kind: "retry",
      error: "too many interim responses (1xx)",
    });
  });

  test("and shows a certificate of nobody is tried again", async () => {
    const tls = await startHttpSink({ tls: { key: selfSigned, cert: selfSigned } });
    closing.push(tls.close);
    const error = "TLS: self-signed certificate";
    expect(await sendGeneric({ url: tls.url })).toEqual({ kind: "retry", error });
    const trusting = { connect: buildConnector({ rejectUnauthorized: false }) };
    expect(await sendGeneric({ url: tls.url }, trusting)).toMatchObject({ kind: "delivered" });
  });

  test("and is not there is tried again", async () => {
    await sink.close();
    expect(await sendGeneric()).toEqual({ kind: "retry", error: "connection refused" });
    expect(await sendGeneric({ url: "http://nowhere.invalid/" })).toMatchObject({
      error: expect.stringMatching(/^host (not found|name lookup failed)$/),
    });
  });
});

describe("the poster", () => {
  test("ends a post when it is aborted, before and while it is sent", async () => {
    sink.respond(path, "hang");
    expect(await sendGeneric({}, {}, AbortSignal.abort())).toEqual({ kind: "retry", error: "aborted" });
    expect(sink.requests).toEqual([]);
    const controller = new AbortController();
    const outcome = sendGeneric({}, { timeoutMs: 10_000 }, controller.signal);
    await sink.waitFor(1);
    controller.abort();
    expect(await outcome).toEqual({ kind: "retry", error: "aborted" });
  });

  test("never sends what was given up while it waited for a connection", async () => {
    const { post } = poster({ connections: 1 });
    const signal = new AbortController().signal;
    sink.respond("/slow", { delayMs: 200 });
    const slow = post(`${sink.url}/slow`, [], "{}", signal);
    const givenUp = new AbortController();
    const waiting = post(sink.url + path, [], "{}", givenUp.signal);
    givenUp.abort();
    expect(await waiting).toEqual({ kind: "error", error: "aborted" });
    expect(await slow).toMatchObject({ status: 200 });
    expect(await post(`${sink.url}/last`, [], "{}", signal)).toMatchObject({ status: 200 });
    expect(sink.requests.map((request) => request.path)).toEqual(["/slow", "/last"]);
    expect(sink.connections()).toBe(1);
  });

  test("keeps connections, and lets no endpoint wait for another of the same origin", async () => {
    const { post } = poster({ timeoutMs: 2000 });
    const signal = new AbortController().signal;
    sink.respond("/stuck", "hang");
    const stuck = Array.from({ length: 50 }, () => post(`${sink.url}/stuck`, [], "{}", signal));
    for (let count = 0; count < 50; count++) {
      expect(await post(sink.url + path, [], "{}", signal)).toMatchObject({ status: 200, body: "ok" });
    }
    expect(sink.connections()).toBeLessThan(60);
    for (const result of await Promise.all(stuck)) {
      expect(result).toEqual({ kind: "error", error: "timed out after 2000 ms" });
    }
  });

  test("takes a connector that refuses addresses", async () => {
    const connector: buildConnector.connector = (_options, callback) =>
      callback(Object.assign(new Error("169.254.169.254"), { code: addressRefused }), null);
    const error = "the address is not allowed";
    expect(await sendGeneric({}, { connect: connector })).toEqual({ kind: "retry", error });
    expect(await sendGeneric({}, { connect: buildConnector({ timeout: 100 }) })).toMatchObject({
      kind: "delivered",
    });
  });

  test("ends posts in flight when it closes, may be closed twice, and posts no more", async () => {
    sink.respond(path, "hang");
    const { post, close } = poster({ timeoutMs: 10_000 });
    const signal = new AbortController().signal;
    const inFlight = post(sink.url + path, [], "{}", signal);
    await sink.waitFor(1);
    await Promise.all([close(), close()]);
    const stopping = { kind: "error", error: "the service is stopping" };
    expect(await inFlight).toEqual(stopping);
    expect(await post(sink.url + path, [], "{}", signal)).toEqual(stopping);
  });

  test.each(["not a URL", "http://127.0.0.1:1/ok"])(
    "has a result for every defect, without naming %j",
    async (url) => {
      const result = await poster().post(url, ["x-secret", "s3cr3t\n"], "{}", new AbortController().signal);
      expect(result).toMatchObject({ kind: "error" });
      expect(JSON.stringify(result)).not.toMatch(/s3cr3t|not a URL|127/);
    },
  );
});

describe("the answer of Slack", () => {
  test("ok is delivered", async () => {
    expect(await sendSlack()).toEqual({ kind: "delivered", statusCode: 200, response: "ok" });
    expect(sink.requests[0]).toMatchObject({ method: "POST", path });
    expect(JSON.parse(sink.requests[0]?.body ?? "")).toMatchObject({
      text: "🚨 Break-glass access used: alice used break-glass to get access.",
    });
  });

  test.each([
    [400, "invalid_payload"],
    [403, "action_prohibited"],
    [403, "invalid_token"],
    [404, "no_service"],
    [404, "channel_not_found"],
    [410, "channel_is_archived"],
  ])("HTTP %i %s is final", async (status, code) => {
    sink.respond(path, { status, body: `${code}\n` });
    expect(await sendSlack()).toEqual({ kind: "failed", error: code, statusCode: status, response: code });
  });

  test("HTTP 410 is final, whatever it says", async () => {
    sink.respond(path, { status: 410, body: "gone" });
    expect(await sendSlack()).toMatchObject({ kind: "failed", error: "HTTP 410" });
  });

  test.each([
    [500, "rollup_error", "HTTP 500"],
    [500, "no_service", "HTTP 500"],
    [404, "something else", "HTTP 404"],
    [200, "<html>", 'HTTP 200 without "ok"'],
    [302, "", "HTTP 302: redirects are not followed"],
  ])("HTTP %i %j asks for another attempt", async (status, body, error) => {
    sink.respond(path, { status, body });
    expect(await sendSlack()).toMatchObject({ kind: "retry", error, statusCode: status });
  });

  test("HTTP 429 asks to wait", async () => {
    sink.respond(path, { status: 429, headers: { "retry-after": "30" }, body: "rate_limited" });
    expect(await sendSlack()).toMatchObject({ kind: "retry", error: "HTTP 429", retryAfterMs: 30_000 });
  });

  test("never shows the webhook's URL", async () => {
    sink.respond(path, { status: 404, body: `Cannot POST ${path} at ${sink.url}${path}, s3cr3t-t0ken` });
    const outcome = await sendSlack();
    expect(outcome.response).toBe("Cannot POST [redacted] at [redacted], [redacted]");
    await sink.close();
    expect(await sendSlack()).toEqual({ kind: "retry", error: "connection refused" });
  });
});
