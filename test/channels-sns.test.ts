import fc from "fast-check";
import { afterEach, describe, expect, test } from "vitest";
import { createSnsSender, type SnsSenderOptions } from "../src/channels/aws-sns.ts";
import type { ChannelConfigs, Notice, SendOutcome } from "../src/channels/channel.ts";
import { renderPublish } from "../src/channels/sns-message.ts";
import type { TenantSettings } from "../src/channels/tenant-settings.ts";
import { webhookPayload } from "../src/channels/webhook-payload.ts";
import { type EventPayload, eventTypes } from "../src/events.ts";
import { type SnsEndpoint, type SnsEndpointOptions, startSnsEndpoint } from "./sinks/sns-endpoint.ts";
import { readPublish } from "./sinks/sns-rules.ts";
import { hostileEvent, now } from "./support/notices.ts";
import { until } from "./support/until.ts";

const topic = "arn:aws:sns:eu-central-1:123456789012:access";
const role = "arn:aws:iam::210987654321:role/publisher";
const credentials = { accessKeyId: "AKIAEXAMPLEEXAMPLE12", secretAccessKey: "the-secret-of-the-service" };

/** The basic set of 3GPP TS 23.038, whose characters take one place each. */
const gsm = /^[@£$¥èéùìòÇ\nØøÅåΔ_ΦΓΛΩΠΨΣΘΞÆæßÉ !"#¤%&'()*+,\-./0-9:;<=>?¡A-ZÄÖÑÜ§¿a-zäöñüà]*$/;

const breakGlass: EventPayload = {
  type: "request.break_glass",
  request_id: "req-7",
  requester: "Jürgen",
  resource_type: "aws_account",
  resource_id: "123",
  attributes: { ticket: "INC-1" },
};

function noticeOf(event: EventPayload = breakGlass): Notice {
  return {
    deliveryId: "0198c0de-0000-7000-8000-000000000001",
    eventId: "0198c0de-0000-7000-8000-000000000002",
    tenantId: "0198c0de-0000-7000-8000-000000000003",
    receivedAt: now,
    event,
  };
}

const channelOf = (config: Partial<ChannelConfigs["aws_sns"]> = {}) => ({
  id: "channel-1",
  tenantId: noticeOf().tenantId,
  type: "aws_sns" as const,
  config: { topic_arn: topic, ...config },
});

const closers: (() => Promise<void>)[] = [];
afterEach(async () => {
  for (const close of closers.splice(0)) await close();
});

async function startEndpoint(options: Partial<SnsEndpointOptions> = {}): Promise<SnsEndpoint> {
  const endpoint = await startSnsEndpoint({ credentials, ...options });
  closers.push(() => endpoint.close());
  return endpoint;
}

function startSender(endpoint: { url: string }, options: Partial<SnsSenderOptions> = {}) {
  const { url } = endpoint;
  const sender = createSnsSender({
    timeoutMs: 5_000,
    credentials,
    endpoint: url,
    stsEndpoint: url,
    ...options,
  });
  closers.unshift(() => sender.close());
  const send = (
    config: Partial<ChannelConfigs["aws_sns"]> = {},
    notice = noticeOf(),
    signal = new AbortController().signal,
  ): Promise<SendOutcome> => sender.send(channelOf(config), notice, signal);
  return { sender, send };
}

describe("a message", () => {
  test("carries the webhook's JSON, forms for people, a subject and attributes to filter by", async () => {
    const endpoint = await startEndpoint();
    const { send } = startSender(endpoint);
    const outcome = await send();
    const sms = "JITSudo: Break-glass access used. Jürgen used break-glass to get access to AWS account 123.";
    expect(endpoint.messages).toEqual([
      {
        topicArn: topic,
        subject: "[JITSudo] Break-glass access used: Jurgen on AWS account 123 (req-7)",
        message: expect.any(String),
        forms: {
          default: JSON.stringify(webhookPayload(noticeOf(), now)),
          email: expect.stringContaining("Jürgen used break-glass to get access to AWS account 123.\n"),
          sms,
        },
        attributes: {
          event_type: "request.break_glass",
          tenant_id: noticeOf().tenantId,
          severity: "critical",
          request_id: "req-7",
          resource_type: "aws_account",
        },
        region: "eu-central-1",
        service: "sns",
        accessKeyId: credentials.accessKeyId,
        messageId: expect.any(String),
      },
    ]);
    expect(outcome).toEqual({
      kind: "delivered",
      statusCode: 200,
      response: endpoint.messages[0]?.messageId,
    });
  });

  test("is taken by SNS whatever an event of any type holds", async () => {
    const endpoint = await startEndpoint();
    const { send } = startSender(endpoint);
    const text = fc.oneof(
      fc.string({ unit: "binary", minLength: 1, maxLength: 300 }),
      fc.constant("a\r\n: b"),
    );
    const events = fc.record(
      {
        type: fc.constantFrom(...eventTypes),
        requester: text,
        resource_type: text,
        resource_id: text,
        justification: text,
        request_id: text,
        grant_id: text,
      },
      { requiredKeys: ["type"] },
    );
    await fc.assert(
      fc.asyncProperty(events, fc.boolean(), async (event, fifo) => {
        const deliveryId = crypto.randomUUID();
        const notice = { ...noticeOf(event), deliveryId };
        const outcome = await send({ topic_arn: fifo ? `${topic}.fifo` : topic }, notice);
        expect(outcome).toMatchObject({ kind: "delivered" });
        const taken = endpoint.messages.at(-1);
        expect(JSON.parse(taken?.forms?.default ?? "")).toEqual(
          JSON.parse(JSON.stringify(webhookPayload(notice, now))),
        );
        expect(taken?.deduplicationId).toBe(fifo ? deliveryId : undefined);
      }),
      { numRuns: 150 },
    );
    for (const type of eventTypes)
      expect(await send({}, noticeOf({ type }))).toMatchObject({ kind: "delivered" });
  });

  test("on a FIFO topic is grouped by request, and a second attempt is not a second message", async () => {
    const endpoint = await startEndpoint();
    const { send } = startSender(endpoint);
    const fifo = { topic_arn: `${topic}.fifo` };
    const first = await send(fifo);
    expect(await send(fifo)).toEqual(first);
    expect(endpoint.messages).toHaveLength(1);
    expect(endpoint.messages[0]).toMatchObject({ groupId: "req-7", deduplicationId: noticeOf().deliveryId });

    const groupOf = (event: Partial<EventPayload>) =>
      renderPublish(channelOf(fifo), noticeOf({ type: "grant.active", ...event }), now).MessageGroupId;
    expect(groupOf({ grant_id: "g-1" })).toBe("g-1");
    expect(groupOf({})).toBe("channel-1");
    expect(groupOf({ request_id: "with space" })).toMatch(/^[0-9a-f]{64}$/);
    expect(groupOf({ request_id: "x".repeat(129) })).toMatch(/^[0-9a-f]{64}$/);
  });

  test("that is too large has its prose cut first, then loses its attributes, and says so", async () => {
    const endpoint = await startEndpoint();
    const { send } = startSender(endpoint);
    const prose = "\u0001".repeat(16_384);
    const dataOf = (index: number) => JSON.parse(endpoint.messages[index]?.forms?.default ?? "").data;
    const attributes = { blob: "x".repeat(100_000) };
    const verbose = { ...breakGlass, attributes, justification: prose, reason: prose };
    expect(await send({}, noticeOf(verbose))).toMatchObject({ kind: "delivered" });
    expect(endpoint.messages[0]?.attributes.truncated).toBe("justification,reason");
    expect(dataOf(0)).toMatchObject({ attributes, justification: `${prose.slice(0, 999)}…` });

    const larger = { ...verbose, attributes: { blob: "x".repeat(300_000) } };
    expect(await send({}, noticeOf(larger))).toMatchObject({ kind: "delivered" });
    expect(endpoint.messages[1]?.attributes.truncated).toBe("attributes,justification,reason");
    expect(dataOf(1)).not.toHaveProperty("attributes");
    expect(dataOf(1)).toMatchObject({ requester: "Jürgen", justification: `${prose.slice(0, 999)}…` });
  });

  test("fits even when every field is as long as the API takes it, and costs the most bytes", async () => {
    const endpoint = await startEndpoint();
    const { send } = startSender(endpoint);
    const long = (length: number) => '"'.repeat(length);
    const event: EventPayload = {
      type: "grant.revoked",
      request_id: long(255),
      grant_id: long(255),
      requester: "\u0001".repeat(1024),
      reviewer: "\u0001".repeat(1024),
      resource_type: "\u0001".repeat(255),
      resource_id: "\u0001".repeat(2048),
      permission_set_arn: "\u0001".repeat(2048),
      justification: long(16_384),
      reason: long(16_384),
      url: `https://a.example/${"ü".repeat(2000)}`,
      attributes: { a: long(200_000) },
    };
    expect(await send({}, noticeOf(event))).toMatchObject({ kind: "delivered" });
  });

  test("for telephones takes one message, or two with a long link, whatever its alphabet", () => {
    fc.assert(
      fc.property(hostileEvent, (event) => {
        const { sms } = JSON.parse(renderPublish(channelOf(), noticeOf(event), now).Message ?? "");
        const [one, two] = gsm.test(sms) ? [160, 306] : [70, 134];
        expect(sms.length).toBeLessThanOrEqual(sms.includes(" http") ? two : one);
        expect(sms.isWellFormed()).toBe(true);
      }),
    );
    const smsOf = (url: string) =>
      JSON.parse(
        renderPublish(channelOf(), noticeOf({ type: "request.pending", requester: "al", url }), now)
          .Message ?? "",
      ).sms;
    expect(smsOf("https://j.example/r/1~a[b]")).toBe(
      "JITSudo: Approval needed. al asks for access. https://j.example/r/1%7Ea%5Bb%5D",
    );
    expect(smsOf(`https://j.example/${"x".repeat(180)}`)).toHaveLength(244);
    expect(smsOf(`https://j.example/${"x".repeat(200)}`)).toBe(
      "JITSudo: Approval needed. al asks for access.",
    );
  });

  test.each([
    // The alphabet of telephones has these, and others are spelled in it.
    ["Sørensen-Großmann Åsa Ñandú £5", "Sørensen-Großmann Åsa Ñandu £5"],
    ["Łukasz Đorđe Þóra [x] “ad”…", 'Lukasz Dorde Thora (x) "ad"...'],
    ["Siobha\u0301n O’Brien → x", "Siobhan O'Brien ? x"],
    // It has none of these, and nothing of a name is lost.
    ["山田太郎", "山田太郎"],
    ["Иван “Łukasz”", "Иван “Łukasz”"],
    ["🦊", "🦊"],
  ])("to a telephone calls %s %s", (requester, name) => {
    const event: EventPayload = { type: "request.pending", requester };
    const { sms } = JSON.parse(renderPublish(channelOf(), noticeOf(event), now).Message ?? "");
    expect(sms).toBe(`JITSudo: Approval needed. ${name} asks for access.`);
  });

  test("to a telephone with names that take two bytes a letter is cut to as many messages", () => {
    const event: EventPayload = { type: "request.pending", requester: "山".repeat(60) };
    const smsOf = (more: Partial<EventPayload>) =>
      JSON.parse(renderPublish(channelOf(), noticeOf({ ...event, ...more }), now).Message ?? "").sms;
    expect(smsOf({})).toBe(`JITSudo: Approval needed. ${"山".repeat(43)}…`);
    expect(smsOf({ url: `https://a.example/${"x".repeat(60)}` })).toMatch(/^JITSudo.{47}… https:\S{72}$/);
    expect(smsOf({ url: `https://a.example/${"x".repeat(60)}` })).toHaveLength(134);
    expect(smsOf({ url: `https://a.example/${"x".repeat(80)}` })).toHaveLength(70);
  });

  test.each([
    ["山田太郎", "AWS account 7 (req-7)"],
    ["山田 taro", "taro on AWS account 7 (req-7)"],
    ["Łukasz Sørensen-Straße", "Lukasz Sorensen-Strasse on AWS account 7 (req-7)"],
    ["山@example.com", "?@example.com on AWS account 7 (req-7)"],
  ])("has in its subject what ASCII has of %s", (requester, matter) => {
    const event = { requester, request_id: "req-7", resource_type: "aws_account", resource_id: "7" };
    const subjectOf = (settings?: TenantSettings) =>
      renderPublish(
        channelOf(),
        { ...noticeOf({ type: "grant.active", ...event }), ...(settings && { settings }) },
        now,
      ).Subject;
    expect(subjectOf()).toBe(`[JITSudo] Access is live: ${matter}`);
    expect(subjectOf({ productName: "山田" })).toBe(`Access is live: ${matter}`);
  });

  test.each(["req-7", "0195f0a0-0000-7000-8000-000000000100"])(
    "has the id %s in its subject, however long the names are",
    (request_id) => {
      const names = { requester: "ß".repeat(90), resource_id: "x y ".repeat(90) };
      for (const type of eventTypes) {
        for (const productName of ["JITSudo", "ß".repeat(40)]) {
          const notice = { ...noticeOf({ type, request_id, ...names }), settings: { productName } };
          const { Subject = "" } = renderPublish(channelOf(), notice, now);
          expect(Subject).toContain(request_id);
          expect(Subject.length).toBeLessThan(100);
        }
      }
    },
  );
});

describe("access", () => {
  test("is to the channel's region when it names one", async () => {
    const endpoint = await startEndpoint();
    const { send } = startSender(endpoint);
    await send({ topic_arn: "arn:aws-cn:sns:cn-north-1:123456789012:access" });
    expect(endpoint.messages[0]?.region).toBe("cn-north-1");
    // The endpoint, like SNS, refuses a topic of another region, which shows what was signed.
    expect(await send({ region: "us-east-1" })).toMatchObject({ kind: "failed" });
  });

  test("with a role is by its temporary credentials, which are kept", async () => {
    const endpoint = await startEndpoint({ roles: { [role]: { externalId: "tenant-a" } } });
    const { sender, send } = startSender(endpoint);
    const access = { role_arn: role, external_id: "tenant-a" };
    expect(await send(access)).toMatchObject({ kind: "delivered" });
    sender.forget?.("channel-1");
    expect(await send(access)).toMatchObject({ kind: "delivered" });
    expect(endpoint.assumedRoles).toEqual([
      {
        roleArn: role,
        externalId: "tenant-a",
        sessionName: "jitsudo-notifications",
        accessKeyId: expect.stringMatching(/^ASIA/),
      },
    ]);
    const signers = endpoint.messages.map(({ accessKeyId }) => accessKeyId);
    expect(signers).toEqual(Array(2).fill(endpoint.assumedRoles[0]?.accessKeyId));
    expect(await send()).toMatchObject({ kind: "delivered" });
    expect(endpoint.messages[2]?.accessKeyId).toBe(credentials.accessKeyId);
  });

  test("with a role that may not be assumed, or with another's external id, fails for good", async () => {
    const endpoint = await startEndpoint({ roles: { [role]: { externalId: "tenant-a" } } });
    const { send } = startSender(endpoint);
    await send({ role_arn: role, external_id: "tenant-a" });
    for (const access of [
      { role_arn: role },
      { role_arn: role, external_id: "tenant-b" },
      { role_arn: `${role}-2`, external_id: "tenant-a" },
    ]) {
      expect(await send(access)).toMatchObject({
        kind: "failed",
        statusCode: 403,
        error: "AccessDenied: Not authorized to perform: sts:AssumeRole",
      });
    }
    expect(endpoint.messages).toHaveLength(1);
  });

  test("with wrong credentials is retried, since they are the service's and not the channel's", async () => {
    const endpoint = await startEndpoint();
    const wrong = startSender(endpoint, { credentials: { ...credentials, secretAccessKey: "another" } });
    expect(await wrong.send()).toEqual({ kind: "retry", statusCode: 403, error: "SignatureDoesNotMatch" });
    const unknown = startSender(endpoint, { credentials: { ...credentials, accessKeyId: "AKIAUNKNOWN" } });
    expect(await unknown.send()).toEqual({ kind: "retry", statusCode: 403, error: "InvalidClientTokenId" });
  });

  test("without any credentials is retried", async () => {
    const endpoint = await startEndpoint();
    const none = () =>
      Promise.reject(
        Object.assign(new Error("Could not load /home/x"), { name: "CredentialsProviderError" }),
      );
    const { send } = startSender(endpoint, { credentials: none });
    expect(await send()).toEqual({ kind: "retry", error: "no AWS credentials could be loaded" });
    expect(await send({ role_arn: role })).toEqual({
      kind: "retry",
      error: "no AWS credentials could be loaded",
    });
  });
});

describe("an error", () => {
  test.each([
    ["NotFound", 404],
    ["InvalidParameter", 400],
    ["ParameterValueInvalid", 400],
    ["AuthorizationError", 403],
    ["EndpointDisabled", 400],
    ["PlatformApplicationDisabled", 400],
    ["InvalidSecurity", 403],
    ["KMSAccessDenied", 400],
    ["KMSDisabled", 400],
    ["KMSInvalidState", 400],
    ["KMSNotFound", 400],
    ["KMSOptInRequired", 403],
    ["ValidationException", 400],
  ])("%s is permanent: one call, and what SNS said", async (code, status) => {
    const endpoint = await startEndpoint();
    const { send } = startSender(endpoint);
    endpoint.answerNext("Publish", { status, code, message: "No <such>\nthing" });
    expect(await send()).toMatchObject({
      kind: "failed",
      statusCode: status,
      error: expect.stringMatching(/^\w+: No <such> thing$/),
    });
    expect(endpoint.calls.Publish).toBe(1);
  });

  test.each([
    ["Throttled", 429],
    ["KMSThrottling", 400],
    ["InternalError", 500],
    ["ServiceUnavailable", 503],
    ["ExpiredToken", 403],
    ["RequestExpired", 400],
  ])("%s is retried, but not by the SDK", async (code, status) => {
    const endpoint = await startEndpoint();
    const { send } = startSender(endpoint);
    endpoint.answerNext("Publish", { status, code, message: "Wait" });
    expect(await send()).toEqual({ kind: "retry", statusCode: status, error: code });
    expect(endpoint.calls.Publish).toBe(1);
    expect(await send()).toMatchObject({ kind: "delivered" });
  });

  test("that is not AWS's, a reset or silence are retried, in time", async () => {
    const endpoint = await startEndpoint();
    const { send } = startSender(endpoint, { timeoutMs: 400 });
    endpoint.answerNext("Publish", { status: 502, body: "<html><body>Bad gateway" }, "reset", "hang");
    expect(await send()).toEqual({ kind: "retry", statusCode: 502, error: "HTTP 502" });
    expect(await send()).toEqual({ kind: "retry", error: "connection reset" });
    expect(await send()).toEqual({ kind: "retry", error: "timed out after 400 ms" });
    expect(await send()).toMatchObject({ kind: "delivered" });
  });

  test("of STS is told apart in the same way", async () => {
    const endpoint = await startEndpoint({ roles: { [role]: {} } });
    const { send } = startSender(endpoint, { timeoutMs: 400 });
    endpoint.answerNext("AssumeRole", { status: 503, code: "ServiceUnavailable", message: "Wait" }, "hang");
    expect(await send({ role_arn: role })).toMatchObject({ kind: "retry", error: "ServiceUnavailable" });
    expect(await send({ role_arn: role })).toEqual({ kind: "retry", error: "timed out after 400 ms" });
    expect(endpoint.messages).toEqual([]);
    await until(async () => (await send({ role_arn: role })).kind === "delivered");
  });

  test("of the network is retried without naming addresses", async () => {
    const endpoint = await startSnsEndpoint({ credentials });
    await endpoint.close();
    const { send } = startSender(endpoint);
    expect(await send()).toEqual({ kind: "retry", error: "connection refused" });
  });

  test("for a topic that does not exist is permanent", async () => {
    const endpoint = await startEndpoint({ topics: [topic] });
    const { send } = startSender(endpoint);
    expect(await send()).toMatchObject({ kind: "delivered" });
    expect(await send({ topic_arn: `${topic}-2` })).toMatchObject({
      kind: "failed",
      statusCode: 404,
      error: "NotFound: Topic does not exist",
    });
  });
});

describe("connections", () => {
  test("are reused, and closed when idle", async () => {
    const endpoint = await startEndpoint();
    const { send } = startSender(endpoint, { idleMs: 200 });
    for (let n = 0; n < 5; n++) await send();
    expect(await endpoint.openConnections()).toBe(1);
    await until(async () => (await endpoint.openConnections()) === 0);
    expect(await send()).toMatchObject({ kind: "delivered" });
  });

  test("of many roles are bounded", async () => {
    const names = Array.from({ length: 6 }, (_, n) => `${role}-${n}`);
    const endpoint = await startEndpoint({ roles: Object.fromEntries(names.map((name) => [name, {}])) });
    const { send } = startSender(endpoint, { maxIdleClients: 2 });
    for (const role_arn of names) expect(await send({ role_arn })).toMatchObject({ kind: "delivered" });
    await until(async () => (await endpoint.openConnections()) <= 4);
  });

  test("end with the attempt's signal, before or while it runs", async () => {
    const endpoint = await startEndpoint();
    const { send } = startSender(endpoint);
    expect(await send({}, noticeOf(), AbortSignal.abort())).toEqual({ kind: "retry", error: "aborted" });
    expect(endpoint.calls.Publish).toBe(0);

    endpoint.answerNext("Publish", "hang");
    const controller = new AbortController();
    const sending = send({}, noticeOf(), controller.signal);
    await until(() => endpoint.calls.Publish === 1);
    controller.abort();
    expect(await sending).toEqual({ kind: "retry", error: "aborted" });
    await until(async () => (await endpoint.openConnections()) === 0);
  });

  test("end with the sender, also those in use", async () => {
    const endpoint = await startEndpoint();
    const { sender, send } = startSender(endpoint);
    await send();
    endpoint.answerNext("Publish", "hang");
    const sending = send();
    await until(() => endpoint.calls.Publish === 2);
    await sender.close();
    expect(await sending).toMatchObject({ kind: "retry" });
    await until(async () => (await endpoint.openConnections()) === 0);
    expect(await send()).toMatchObject({ kind: "retry" });
  });
});

describe("the endpoint of these tests", () => {
  test("refuses what SNS refuses", () => {
    const publish = (changes: Record<string, string>) =>
      readPublish(new URLSearchParams({ TopicArn: topic, Message: "m", Subject: "s", ...changes }));
    expect(publish({})).not.toHaveProperty("code");
    for (const changes of [
      { Subject: "a\nb" },
      { Subject: "ü" },
      { Subject: "x".repeat(100) },
      { Message: "" },
      { Message: "x".repeat(262_145) },
      { TopicArn: "topic" },
      { TopicArn: `${topic}.fifo` },
      { MessageDeduplicationId: "d" },
      { MessageStructure: "json" },
      { MessageStructure: "json", Message: '{"sms": "m"}' },
    ]) {
      expect(publish(changes)).toMatchObject({ code: "InvalidParameter" });
    }
  });
});
