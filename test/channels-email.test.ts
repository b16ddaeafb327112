import { type AddressInfo, createServer, type Socket } from "node:net";
import { afterEach, beforeAll, describe, expect, test } from "vitest";
import { createAddressGuard } from "../src/channels/address-guard.ts";
import { loopbackRanges } from "../src/channels/address-rules.ts";
import type { ChannelConfigs, Notice, SendOutcome } from "../src/channels/channel.ts";
import { createEmailSender, type EmailSenderOptions } from "../src/channels/email.ts";
import { type EventPayload, eventTypes } from "../src/events.ts";
import { type Certificates, makeCertificates } from "./sinks/certificates.ts";
import { type SmtpSink, type SmtpSinkOptions, type SmtpStage, startSmtpSink } from "./sinks/smtp-sink.ts";
import { until } from "./support/until.ts";

type EmailConfig = ChannelConfigs["email"];

const breakGlass: EventPayload = {
  type: "request.break_glass",
  occurred_at: "2026-03-01T09:05:00Z",
  request_id: "req-7",
  requester: "alice",
  resource_type: "aws_account",
  resource_id: "123",
  justification: "Database <down>\nRestore & check",
  url: "https://jitsudo.example.com/requests/7?a=1&b=2",
};

function noticeOf(event: EventPayload = breakGlass): Notice {
  return {
    deliveryId: "0198c0de-0000-7000-8000-000000000001",
    eventId: "0198c0de-0000-7000-8000-000000000002",
    tenantId: "0198c0de-0000-7000-8000-000000000003",
    receivedAt: new Date("2026-03-01T10:00:00Z"),
    event,
  };
}

let certificates: Certificates;
beforeAll(() => {
  certificates = makeCertificates();
});

const closers: (() => Promise<void>)[] = [];
afterEach(async () => {
  for (const close of closers.splice(0)) await close();
});

async function startSink(options: SmtpSinkOptions = {}): Promise<SmtpSink> {
  const sink = await startSmtpSink({ certificate: certificates, ...options });
  closers.push(() => sink.close());
  return sink;
}

/** A sender for channels that trust the test's authority. */
function startSender(options: Partial<EmailSenderOptions> = {}) {
  const guard = createAddressGuard({ allow: loopbackRanges });
  const sender = createEmailSender({ timeoutMs: 5_000, guard, ...options });
  closers.unshift(() => sender.close());
  const send = (
    to: { host: string; port: number },
    config: Partial<EmailConfig> = {},
    { id = "channel-1", notice = noticeOf(), signal = new AbortController().signal } = {},
  ): Promise<SendOutcome> =>
    sender.send(
      {
        id,
        tenantId: notice.tenantId,
        type: "email",
        config: {
          smtp_host: to.host,
          smtp_port: to.port,
          from_address: "access@example.com",
          to_addresses: ["ops@example.com"],
          ca_certificate: certificates.ca,
          ...config,
        },
      },
      notice,
      signal,
    );
  return { sender, send };
}

describe("a mail", () => {
  test("carries the notice in both parts, and the headers that mail readers use", async () => {
    const sink = await startSink();
    const { send } = startSender();
    const outcome = await send(sink, { to_addresses: ["ops@example.com", "security@example.com"] });
    expect(outcome).toEqual({ kind: "delivered", statusCode: 250, response: "250 OK: queued as 1" });

    const [mail] = sink.mails;
    expect(mail?.envelope).toEqual({
      from: "access@example.com",
      to: ["ops@example.com", "security@example.com"],
    });
    const parsed = mail?.parsed;
    expect(parsed?.subject).toBe("[Break-glass access used] alice on AWS account 123 (req-7)");
    expect(parsed?.from?.text).toBe('"JITSudo" <access@example.com>');
    expect(parsed?.messageId).toBe("<0198c0de-0000-7000-8000-000000000001@example.com>");
    // To the second, as mails tell it.
    expect(parsed?.date).toEqual(new Date("2025-08-19T05:47:11Z"));
    expect(parsed?.references).toMatch(/^<thread-[0-9a-f]{32}@example\.com>$/);
    expect(parsed?.inReplyTo).toBe(parsed?.references);
    expect(mail?.raw).toMatch(/^List-ID: "?JITSudo"? <access-notices\.example\.com>\r$/im);
    expect(parsed?.headers.get("auto-submitted")).toBe("auto-generated");
    expect(parsed?.headers.get("x-jitsudo-event-type")).toBe("request.break_glass");
    expect(mail?.raw).toMatch(/^Importance: High\r$/m);
    expect(parsed?.text?.trim()).toBe(
      [
        "Break-glass access used",
        "alice used break-glass to get access to AWS account 123.\nThe approval was bypassed. Check that the emergency is real, and revoke the access if it is not.",
        "Justification:\n> Database <down>\n> Restore & check",
        "Check this access: https://jitsudo.example.com/requests/7?a=1&b=2",
        "Requester: alice\nResource: AWS account 123\nRequest: req-7",
        "JITSudo · request.break_glass · Sun, 1 Mar 2026, 09:05 UTC",
      ].join("\n\n"),
    );
    expect(parsed?.html).toContain("Database &lt;down&gt;<br>Restore &amp; check");
    expect(parsed?.html).toContain('href="https://jitsudo.example.com/requests/7?a=1&amp;b=2"');
  });

  test("cannot be given headers or recipients by an event's fields", async () => {
    const sink = await startSink();
    const { send } = startSender();
    const evil = "x\r\nBcc: victim@example.com\r\n\r\n.\r\nRCPT TO:<victim@example.com>\u0000";
    for (const type of eventTypes) {
      const event = {
        type,
        requester: evil,
        reviewer: evil,
        resource_id: evil,
        request_id: evil,
        reason: evil,
      };
      expect(await send(sink, {}, { notice: noticeOf(event) })).toMatchObject({ kind: "delivered" });
    }
    expect(sink.mails).toHaveLength(eventTypes.length);
    for (const { envelope, parsed } of sink.mails) {
      expect(envelope.to).toEqual(["ops@example.com"]);
      expect(parsed.headers.has("bcc")).toBe(false);
      expect(parsed.subject).not.toMatch(/[\p{Cc}]/u);
    }
  });
});

describe("TLS", () => {
  test.each([
    { tls: "starttls", offered: "starttls", secure: true },
    { tls: "starttls", offered: "none", secure: false },
    { tls: "starttls_required", offered: "starttls", secure: true },
    { tls: "implicit", offered: "implicit", secure: true },
    { tls: "none", offered: "starttls", secure: false },
  ] as const)("mode $tls with a server that speaks $offered", async ({ tls, offered, secure }) => {
    const sink = await startSink({ tls: offered });
    const { send } = startSender();
    expect(await send(sink, { tls })).toMatchObject({ kind: "delivered" });
    expect(sink.mails[0]?.secure).toBe(secure);
  });

  test.each(["starttls", "starttls_required", "implicit"] as const)(
    "mode %s does not trust an unknown authority",
    async (tls) => {
      const sink = await startSink({ tls: tls === "implicit" ? "implicit" : "starttls" });
      const { send } = startSender();
      const outcome = await send(sink, { tls, ca_certificate: makeCertificates().ca });
      expect(outcome).toMatchObject({ kind: "retry", error: "TLS: self-signed certificate" });
      expect(sink.mails).toEqual([]);
    },
  );

  test("a certificate for another host is refused", async () => {
    const certificate = makeCertificates("DNS:mail.example.com");
    const sink = await startSink({ tls: "starttls", certificate });
    const { send } = startSender();
    expect(await send(sink, { ca_certificate: certificate.ca })).toEqual({
      kind: "retry",
      error: "TLS: certificate is for another host",
    });
    expect(sink.mails).toEqual([]);
  });

  test("a required STARTTLS that is not there is a reason to retry, and nothing is sent", async () => {
    const sink = await startSink({ tls: "none" });
    const { send } = startSender();
    const outcome = await send(sink, { tls: "starttls_required" });
    expect(outcome).toMatchObject({ kind: "retry", error: expect.stringMatching(/^STARTTLS: 5/) });
    expect(sink.mails).toEqual([]);
  });

  test("a server that speaks no TLS is retried in implicit mode", async () => {
    const sink = await startSink({ tls: "none" });
    const { send } = startSender({ timeoutMs: 1_000 });
    expect(await send(sink, { tls: "implicit" })).toMatchObject({ kind: "retry" });
  });
});

describe("AUTH", () => {
  const auth = { username: "mailer@example.com", password: "correct horse" };
  const credentials = { smtp_username: auth.username, smtp_password: auth.password };

  test.each(["none", "starttls", "implicit"] as const)("with the right password (%s)", async (tls) => {
    const sink = await startSink({ tls, auth });
    const { send } = startSender();
    expect(
      await send(sink, { ...credentials, tls: tls === "implicit" ? "implicit" : "starttls" }),
    ).toMatchObject({
      kind: "delivered",
    });
    expect(sink.mails[0]?.username).toBe(auth.username);
  });

  test("a wrong password fails for good, without showing what was sent", async () => {
    const sink = await startSink({ tls: "starttls", auth });
    const wrong = { smtp_username: auth.username, smtp_password: "hunter2hunter2" };
    const plain = Buffer.from(`\0${wrong.smtp_username}\0${wrong.smtp_password}`).toString("base64");
    const base64 = Buffer.from(wrong.smtp_password).toString("base64");
    sink.react("auth", {
      code: 535,
      text: `5.7.8 No: ${wrong.smtp_username} ${wrong.smtp_password} ${plain} ${base64}`,
    });
    const { send } = startSender();
    const outcome = await send(sink, wrong);
    const refusal = "535 5.7.8 No: [redacted] [redacted] [redacted] [redacted]";
    expect(outcome).toEqual({
      kind: "failed",
      statusCode: 535,
      response: refusal,
      error: `AUTH PLAIN: ${refusal}`,
    });
  });

  test("without credentials a server that wants them fails the delivery", async () => {
    const sink = await startSink({ tls: "starttls", auth });
    const { send } = startSender();
    expect(await send(sink)).toMatchObject({ kind: "failed", statusCode: 530 });
  });

  test("a temporary failure of AUTH is retried", async () => {
    const sink = await startSink({ tls: "starttls", auth });
    sink.react("auth", { code: 454, text: "4.7.0 Try later" });
    const { send } = startSender();
    expect(await send(sink, credentials)).toMatchObject({ kind: "retry", statusCode: 454 });
  });
});

describe("a refusal", () => {
  const stages: SmtpStage[] = ["connect", "mail", "rcpt", "data"];

  test.each(stages)("4xx at %s is retried, 5xx fails for good", async (stage) => {
    const sink = await startSink();
    const { send } = startSender();
    sink.react(stage, { code: 451, text: "4.3.0 Busy" });
    expect(await send(sink)).toMatchObject({
      kind: "retry",
      statusCode: 451,
      response: "451 4.3.0 Busy",
      error: expect.stringContaining("451 4.3.0 Busy"),
    });
    sink.react(stage, { code: 554, text: "5.7.1 Never" });
    expect(await send(sink)).toMatchObject({ kind: "failed", statusCode: 554, response: "554 5.7.1 Never" });
    sink.react(stage, "accept");
    expect(await send(sink)).toMatchObject({ kind: "delivered" });
  });

  test("of some recipients is the error of a delivered mail", async () => {
    const sink = await startSink();
    sink.react("rcpt", (address) =>
      address.startsWith("gone") ? { code: 550, text: "5.1.1 No such user" } : "accept",
    );
    const { send } = startSender();
    expect(await send(sink, { to_addresses: ["gone@example.com", "ops@example.com"] })).toEqual({
      kind: "delivered",
      statusCode: 250,
      response: "250 OK: queued as 1",
      error: "refused: gone@example.com (550 5.1.1 No such user)",
    });
    expect(sink.mails[0]?.envelope.to).toEqual(["ops@example.com"]);
  });

  test("of all recipients is retried as long as one of them may be accepted later", async () => {
    const sink = await startSink();
    const { send } = startSender();
    const to = { to_addresses: ["later@example.com", "gone@example.com"] };
    sink.react("rcpt", (address) => ({ code: address.startsWith("later") ? 450 : 550, text: "No" }));
    expect(await send(sink, to)).toMatchObject({ kind: "retry", statusCode: 450 });
    sink.react("rcpt", { code: 550, text: "No" });
    expect(await send(sink, to)).toMatchObject({ kind: "failed", statusCode: 550 });
  });

  test.each<SmtpStage>(["connect", "mail", "rcpt", "data"])(
    "by silence at %s ends in time, by a broken connection at once; both are retried",
    async (stage) => {
      const sink = await startSink();
      const { send } = startSender({ timeoutMs: 400 });
      sink.react(stage, "hang");
      const started = performance.now();
      expect(await send(sink)).toEqual({ kind: "retry", error: "timed out after 400 ms" });
      expect(performance.now() - started).toBeLessThan(2_000);
      sink.react(stage, "drop");
      expect(await send(sink)).toMatchObject({
        kind: "retry",
        error: expect.not.stringContaining("127.0.0.1"),
      });
      sink.react(stage, "accept");
      expect(await send(sink)).toMatchObject({ kind: "delivered" });
    },
  );

  test("drop by drop, or by silence in a TLS handshake, does not outlast the deadline either", async () => {
    const { send } = startSender({ timeoutMs: 400 });
    const inTime = { kind: "retry", error: "timed out after 400 ms" };
    const dripping = await startScriptedServer((socket) => {
      const timer = setInterval(() => socket.write("220-wait\r\n"), 50);
      socket.on("close", () => clearInterval(timer));
    });
    expect(await send(dripping)).toEqual(inTime);
    const mute = await startScriptedServer(() => undefined);
    expect(await send(mute, { tls: "implicit" })).toEqual(inTime);
    const halfway = await startScriptedServer((socket) => {
      socket.write("220 hello\r\n");
      socket.on("data", (data) => {
        if (/^EHLO/.test(String(data))) socket.write("250-hello\r\n250 STARTTLS\r\n");
        else if (/^STARTTLS/.test(String(data))) socket.write("220 go ahead\r\n");
      });
    });
    expect(await send(halfway)).toEqual(inTime);
  });

  test("by nobody listening, or by a host that does not exist, is retried without naming addresses", async () => {
    const sink = await startSmtpSink();
    await sink.close();
    const { send } = startSender();
    expect(await send(sink)).toEqual({ kind: "retry", error: "connection refused" });
    const outcome = await send({ host: "mail.invalid", port: 25 });
    expect(outcome).toMatchObject({ kind: "retry", error: expect.stringMatching(/host|lookup|timed out/) });
  });
});

/** A TCP server on a free port that does what `script` says, for what no SMTP server does. */
async function startScriptedServer(script: (socket: Socket) => void) {
  const sockets = new Set<Socket>();
  const server = createServer((socket) => {
    sockets.add(socket);
    socket.on("error", () => undefined);
    script(socket);
  });
  await new Promise<void>((resolve) => server.listen(0, "127.0.0.1", resolve));
  closers.push(() => {
    for (const socket of sockets) socket.destroy();
    return new Promise((resolve) => server.close(() => resolve()));
  });
  const { port } = server.address() as AddressInfo;
  return { host: "127.0.0.1", port };
}

describe("connections", () => {
  test("are kept between mails, used in parallel, and closed when idle", async () => {
    const sink = await startSink();
    const { send } = startSender({ idleMs: 300 });
    await send(sink);
    await send(sink);
    expect(sink.connections()).toBe(1);
    await Promise.all(Array.from({ length: 10 }, () => send(sink)));
    expect(sink.mails).toHaveLength(12);
    expect(sink.connections()).toBeLessThanOrEqual(5);
    await until(() => sink.openConnections() === 0);
    expect(await send(sink)).toMatchObject({ kind: "delivered" });
  });

  test("belong to one config: a change replaces them, and mails in flight still arrive", async () => {
    const auth = { username: "new-user", password: "new-password" };
    const [before, after] = [await startSink(), await startSink({ auth })];
    const { sender, send } = startSender();
    await send(before);
    const sending = send(before);
    sender.forget?.("channel-1");
    expect(await send(after, { smtp_username: auth.username, smtp_password: auth.password })).toMatchObject({
      kind: "delivered",
    });
    expect(await sending).toMatchObject({ kind: "delivered" });
    await until(() => before.openConnections() === 0);
    expect(await send(after)).toMatchObject({ kind: "failed", statusCode: 530 });
  });

  test("of the channels that were used longest ago are closed beyond the limit", async () => {
    const sink = await startSink();
    const { send } = startSender({ maxIdleChannels: 3 });
    for (let n = 1; n <= 8; n++) await send(sink, {}, { id: `channel-${n}` });
    await until(() => sink.openConnections() === 3);
    await send(sink, {}, { id: "channel-8" });
    expect(sink.connections()).toBe(8);
  });

  test("that the server has closed meanwhile cost no attempt", async () => {
    const sink = await startSink();
    const { send } = startSender();
    for (let n = 0; n < 5; n++) {
      expect(await send(sink)).toMatchObject({ kind: "delivered" });
      sink.dropConnections();
    }
    expect(sink.connections()).toBe(5);
  });

  test("end with the attempt's signal, before or while it runs", async () => {
    const sink = await startSink();
    const { send } = startSender();
    expect(await send(sink, {}, { signal: AbortSignal.abort() })).toEqual({
      kind: "retry",
      error: "aborted",
    });
    expect(sink.connections()).toBe(0);

    sink.react("data", "hang");
    const controller = new AbortController();
    const sending = send(sink, {}, { signal: controller.signal });
    await until(() => sink.openConnections() === 1);
    controller.abort();
    expect(await sending).toEqual({ kind: "retry", error: "aborted" });
    await until(() => sink.openConnections() === 0);
  });

  test("end with the sender, also those in use", async () => {
    const sink = await startSink();
    const { sender, send } = startSender();
    await send(sink);
    sink.react("mail", "hang");
    const sending = send(sink);
    await until(() => sink.openConnections() === 1);
    await sender.close();
    expect(await sending).toMatchObject({ kind: "retry" });
    await until(() => sink.openConnections() === 0);
    expect(await send(sink)).toMatchObject({ kind: "retry" });
  });
});
