import type { ChannelConfigs, Sender, SendOutcome } from "./channel.ts";
import type { PostResult } from "./http-exchange.ts";
import { describeStatus } from "./http-failure.ts";
import type { HttpPoster } from "./http-post.ts";
import { excerpt, headerSecrets, urlSecrets } from "./response-excerpt.ts";
import { webhookPayload } from "./webhook-payload.ts";
import { signWebhook } from "./webhook-signature.ts";

export interface GenericWebhookOptions {
  /** Closed with the sender; senders that stop together may share one. */
  poster: HttpPoster;
  /** Milliseconds since 1970, for `webhook-timestamp`. Default: the system's clock. */
  now?: () => number;
}

/**
 * Posts the webhook payload with the headers of Standard Webhooks. 2xx is
 * delivered; 410 means "do not send again" (Standard Webhooks, "Responding to
 * webhooks") and is final; everything else is worth another attempt.
 */
export function createGenericWebhookSender(options: GenericWebhookOptions): Sender<"generic_webhook"> {
  const { poster, now = Date.now } = options;
  return {
    async send({ config }, notice, signal) {
      const body = webhookPayload(notice);
      const headers = headersOf(config, notice.deliveryId, Math.floor(now() / 1000), body);
      return outcomeOf(await poster.post(config.url, headers, body, signal), config);
    },
    // Connections belong to origins and carry nothing of a channel; idle ones close by themselves.
    forget() {},
    close: () => poster.close(),
  };
}

type Config = ChannelConfigs["generic_webhook"];

/** Names and values in turn. */
function headersOf(config: Config, deliveryId: string, seconds: number, body: string): string[] {
  const headers = [
    ["content-type", "application/json"],
    ["webhook-id", deliveryId],
    ["webhook-timestamp", String(seconds)],
  ].flat();
  if (config.signing_secret) {
    headers.push("webhook-signature", signWebhook(config.signing_secret, deliveryId, seconds, body));
  }
  const own = Object.entries(config.headers ?? {});
  // The one header of ours that a channel may replace.
  if (!own.some(([name]) => name.toLowerCase() === "user-agent")) {
    headers.push("user-agent", "jitsudo-notifications");
  }
  return headers.concat(own.flat());
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

function secretsOf({ url, headers = {}, signing_secret = "" }: Config): string[] {
  return [signing_secret, ...Object.values(headers).flatMap(headerSecrets), ...urlSecrets(url)];
}
