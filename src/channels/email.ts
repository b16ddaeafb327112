import {
  createTransport,
  type NodemailerError,
  type SMTPPoolOptions,
  type SMTPSentMessageInfo,
} from "nodemailer";
import type { AddressGuard } from "./address-guard.ts";
import type { ChannelConfigs, Sender, SendOutcome } from "./channel.ts";
import { withDeadline } from "./deadline.ts";
import { renderEmail } from "./email-message.ts";
import { type GuardedConnectOptions, openGuardedSocket } from "./guarded-connect.ts";
import { describeFailure } from "./http-failure.ts";
import { createLeaseCache } from "./lease-cache.ts";
import { excerpt } from "./response-excerpt.ts";
import { describeMail } from "./sent-request.ts";

type EmailConfig = ChannelConfigs["email"];

export interface EmailSenderOptions {
  /** Longest time in ms for one attempt, from waiting for a connection to the server's last reply. */
  timeoutMs: number;
  /** Says which addresses may be connected to. */
  guard: AddressGuard;
  /** How long in ms a channel's connections stay open unused. Default 30,000. */
  idleMs?: number;
  /** How many channels may keep connections open while unused. Default 500. */
  maxIdleChannels?: number;
}

/**
 * Sends e-mail through each channel's own SMTP server, over up to five connections a channel
 * that are kept open between mails.
 *
 * Delivered means that the server took the mail for at least one recipient: trying again for
 * the refused ones would send the others a second copy, so `response` names them instead.
 * SMTP 5xx (RFC 5321, 4.2.1), wrong credentials included, is permanent. Everything else may
 * pass: 4xx, network and TLS errors, and a missing STARTTLS, which may be an attack.
 */
export function createEmailSender(options: EmailSenderOptions): Sender<"email"> {
  const transports = createLeaseCache({
    open: (config: EmailConfig) => openTransport(config, options),
    close: (transport) => transport.close({ force: true }),
    idleMs: options.idleMs ?? 30_000,
    max: options.maxIdleChannels ?? 500,
  });

  return {
    async send({ id, config }, notice, signal, onRequest) {
      const message = renderEmail(config, notice, new Date());
      onRequest?.(describeMail(config, message));
      try {
        return await withDeadline(options.timeoutMs, signal, (ended) =>
          transports.use(id, config, async (transport) =>
            delivered(await transport.sendMail({ ...message, signal: ended }), config),
          ),
        );
      } catch (error) {
        return notDelivered(error, config);
      }
    },
    forget: transports.forget,
    close: transports.close,
  };
}

/** What each mode means to nodemailer. A certificate is verified in all of them, wherever TLS is used. */
const tlsModes = {
  // Where STARTTLS is offered it must succeed: falling back would hand the mail to whoever broke it.
  starttls: { secure: false },
  starttls_required: { secure: false, requireTLS: true },
  implicit: { secure: true },
  none: { secure: false, ignoreTLS: true },
} as const;

function openTransport(config: EmailConfig, { timeoutMs, guard }: EmailSenderOptions) {
  // Later than the attempt's own deadline, for whatever that leaves behind.
  const leftBehindMs = timeoutMs + 1_000;
  const { smtp_host: host, smtp_port: port, ca_certificate: ca } = config;
  const mode = tlsModes[config.tls ?? "starttls"];
  return createTransport({
    pool: true,
    host,
    port,
    ...mode,
    ...(ca && { tls: { ca } }),
    // Nodemailer's own way to connect asks no one about the address.
    getSocket: socketsTo(
      { host, port, tls: mode.secure },
      { guard, timeoutMs: leftBehindMs, ...(ca && { ca }) },
    ),
    ...(config.smtp_username && {
      auth: { user: config.smtp_username, pass: config.smtp_password },
    }),
    maxConnections: 5,
    // Once, for a kept connection that the server has closed; the worker does the rest.
    maxRequeues: 1,
    connectionTimeout: leftBehindMs,
    greetingTimeout: leftBehindMs,
    socketTimeout: leftBehindMs,
    socketCloseTimeout: 1_000,
    disableFileAccess: true,
    disableUrlAccess: true,
  });
}

function socketsTo(
  target: { host: string; port: number; tls: boolean },
  options: GuardedConnectOptions,
): NonNullable<SMTPPoolOptions["getSocket"]> {
  return (_options, callback) => {
    openGuardedSocket(target, options).then(
      (connection) => callback(null, { connection, secured: target.tls }),
      // Where nodemailer keeps the code when it connects itself.
      (error: NodemailerError) => callback(Object.assign(error, { originalCode: error.code })),
    );
  };
}

function delivered(info: SMTPSentMessageInfo, config: EmailConfig): SendOutcome {
  const refusals = (info.rejectedErrors ?? []).map(
    ({ recipient, response }) => `${recipient} (${response ?? "no reason given"})`,
  );
  const redacted = (text: string) => excerpt(text, () => secretsOf(config));
  return {
    kind: "delivered",
    statusCode: Number(/^\d{3}/.exec(info.response)?.[0] ?? 250),
    response: redacted(info.response),
    // Not sent again: the others would get it twice.
    ...(refusals.length > 0 && { error: redacted(`refused: ${refusals.join(", ")}`) }),
  };
}

function notDelivered(error: unknown, config: EmailConfig): SendOutcome {
  if (!(error instanceof Error)) return { kind: "retry", error: "not sent" };
  const { code, command, response, responseCode }: NodemailerError = error;
  // With the TLS code, a 5xx only says that STARTTLS is not there.
  const permanent = responseCode !== undefined && responseCode >= 500 && code !== "ETLS";
  return {
    kind: permanent ? "failed" : "retry",
    error: excerpt(response ? `${command ?? "SMTP"}: ${response}` : describe(error), () => secretsOf(config)),
    ...(responseCode !== undefined && { statusCode: responseCode }),
    ...(response && { response: excerpt(response, () => secretsOf(config)) }),
  };
}

/** A failure without a reply. Of what Node.js reported only the code is used, see describeFailure. */
function describe({ message, originalCode }: NodemailerError): string {
  return originalCode ? describeFailure(Object.assign(new Error(message), { code: originalCode })) : message;
}

/** Servers like to name the user whom they refuse, or to quote the AUTH command, which is base64. */
function secretsOf({ smtp_username: user = "", smtp_password: password = "" }: EmailConfig): string[] {
  const base64 = (secret: string) => Buffer.from(secret).toString("base64");
  return [user, password, base64(user), base64(password), base64(`\0${user}\0${password}`)];
}
