import type { WebhookNotice } from "../webhooks/notice.ts";
import type { ChannelConfigs, Notice, Sender, SendOutcome } from "./channel.ts";
import { binaryCloudEvent, structuredCloudEvent } from "./cloud-event.ts";
import type { PostResult } from "./http-exchange.ts";
import { describeStatus } from "./http-failure.ts";
import type { HttpPoster } from "./http-post.ts";
import { createLeaseCache } from "./lease-cache.ts";
import { excerpt, headerSecrets, urlSecrets } from "./response-excerpt.ts";
import { describePost } from "./sent-request.ts";
import { type WebhookMessage, webhookPayload } from "./webhook-payload.ts";
import { signWebhook } from "./webhook-signature.ts";

export interface GenericWebhookOptions {
  /** Closed with the sender; senders that stop together may share one. */
  poster: HttpPoster;
  /** Makes a poster that trusts these certificates (PEM), for one channel alone. */
  createPoster(ca: string): HttpPoster;
  /** Milliseconds since 1970, for `webhook-timestamp`. Default: the system's clock. */
  now?: () => number;
}

/**
 * Posts the webhook payload, as it is or as a CloudEvent, with the headers of Standard
 * Webhooks. 2xx is delivered; 410 means "do not send again" (Standard Webhooks,
 * "Responding to webhooks") and is final; everything else is worth another attempt.
 */
export function createGenericWebhookSender(options: GenericWebhookOptions): Sender<"generic_webhook"> {
  const { poster, now = Date.now } = options;
  // A connection that one channel's certificates vouch for must not carry another channel's notices.
  const ownPosters = createLeaseCache({
    open: options.createPoster,
    close: (own) => void own.close(),
    idleMs: 30_000,
    max: 500,
  });

  return {
    async send({ id, config }, notice, signal, onRequest) {
      const { headers, body } = webhookRequest(config, notice, now());
      onRequest?.(describePost(config.url, headers, body));
      const post = ({ post }: HttpPoster) => post(config.url, headers, body, signal);
      const { ca_certificate: ca } = config;
      return outcomeOf(await (ca ? ownPosters.use(id, ca, post) : post(poster)), config);
    },
    // Connections of the common poster belong to origins and carry nothing of a channel.
    forget: ownPosters.forget,
    async close() {
      await Promise.all([poster.close(), ownPosters.close()]);
    },
  };
}

type Config = ChannelConfigs["generic_webhook"];

/** What is posted at `nowMs`, signed; header names and values in turn. */
export function webhookRequest(config: Config, notice: Notice, nowMs: number): WebhookMessage {
  const message = drawings[config.format ?? "standard"](webhookPayload(notice, new Date(nowMs)));
  return { headers: headersOf(config, notice, nowMs, message), body: message.body };
}

const drawings: Record<NonNullable<Config["format"]>, (payload: WebhookNotice) => WebhookMessage> = {
  standard: (payload) => ({ headers: ["content-type", "application/json"], body: JSON.stringify(payload) }),
  cloudevents_structured: structuredCloudEvent,
  cloudevents_binary: binaryCloudEvent,
};

/** Names and values in turn. */
function headersOf(config: Config, notice: Notice, nowMs: number, message: WebhookMessage): string[] {
  const { body } = message;
  const { deliveryId, traceparent } = notice;
  const seconds = Math.floor(nowMs / 1000);
  const headers = [...message.headers, "webhook-id", deliveryId, "webhook-timestamp", String(seconds)];
  const secrets = signingSecrets(config, nowMs);
  if (secrets.length > 0) {
    headers.push("webhook-signature", signWebhook(secrets, deliveryId, seconds, body));
  }
  const own = Object.entries(config.headers ?? {});
  // The headers of ours that a channel may replace.
  const ours = { "user-agent": "jitsudo-notifications", ...(traceparent && { traceparent }) };
  for (const [name, value] of Object.entries(ours)) {
    if (!own.some(([other]) => other.toLowerCase() === name)) headers.push(name, value);
  }
  return headers.concat(own.flat());
}

/** The current secret, and the one before it for as long as receivers may still know that one. */
function signingSecrets(config: Config, nowMs: number): string[] {
  const { signing_secret, previous_signing_secret, previous_signs_until = "" } = config;
  if (!signing_secret) return [];
  const overlaps = previous_signing_secret && Date.parse(previous_signs_until) > nowMs;
  return overlaps ? [signing_secret, previous_signing_secret] : [signing_secret];
}

function outcomeOf(result: PostResult, config: Config): SendOutcome {
  if (result.kind === "error") return { kind: "retry", error: result.error };
  const { status, body, retryAfterMs } = result;
  const answer = { statusCode: status, ...(body && { response: excerpt(body, () => secretsOf(config)) }) };
  if (status >= 200 && status < 300) return { kind: "delivered", ...answer };
  const error = describeStatus(status);
  if (status === 410) return { kind: "failed", error, ...answer };
  return { kind: "retry", error, ...(retryAfterMs !== undefined && { retryAfterMs }), ...answer };
}

function secretsOf({ url, headers = {}, signing_secret = "", previous_signing_secret = "" }: Config) {
  return [
    signing_secret,
    previous_signing_secret,
    ...Object.values(headers).flatMap(headerSecrets),
    ...urlSecrets(url),
  ];
}
