import type { ChannelConfigs, Sender, SendOutcome } from "./channel.ts";
import { binaryCloudEvent, structuredCloudEvent } from "./cloud-event.ts";
import type { PostResult } from "./http-exchange.ts";
import { describeStatus } from "./http-failure.ts";
import type { HttpPoster } from "./http-post.ts";
import { createLeaseCache } from "./lease-cache.ts";
import { excerpt, headerSecrets, urlSecrets } from "./response-excerpt.ts";
import { type WebhookMessage, type WebhookPayload, webhookPayload } from "./webhook-payload.ts";
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
    async send({ id, config }, notice, signal) {
      const message = drawings[config.format ?? "standard"](webhookPayload(notice));
      const { body } = message;
      const headers = headersOf(config, notice.deliveryId, now(), message);
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

const drawings: Record<NonNullable<Config["format"]>, (payload: WebhookPayload) => WebhookMessage> = {
  standard: (payload) => ({ headers: ["content-type", "application/json"], body: JSON.stringify(payload) }),
  cloudevents_structured: structuredCloudEvent,
  cloudevents_binary: binaryCloudEvent,
};

/** Names and values in turn. */
function headersOf(config: Config, deliveryId: string, nowMs: number, message: WebhookMessage): string[] {
  const { body } = message;
  const seconds = Math.floor(nowMs / 1000);
  const headers = [...message.headers, "webhook-id", deliveryId, "webhook-timestamp", String(seconds)];
  const secrets = signingSecrets(config, nowMs);
  if (secrets.length > 0) {
    headers.push("webhook-signature", signWebhook(secrets, deliveryId, seconds, body));
  }
  const own = Object.entries(config.headers ?? {});
  // The one header of ours that a channel may replace.
  if (!own.some(([name]) => name.toLowerCase() === "user-agent")) {
    headers.push("user-agent", "jitsudo-notifications");
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
