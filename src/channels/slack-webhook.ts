import type { ChannelConfigs, Notice, Sender, SendOutcome } from "./channel.ts";
import type { PostResult } from "./http-exchange.ts";
import { describeStatus } from "./http-failure.ts";
import type { HttpPoster } from "./http-post.ts";
import { excerpt, urlSecrets } from "./response-excerpt.ts";
import { describePost } from "./sent-request.ts";
import { slackMessage } from "./slack-message.ts";

export interface SlackWebhookOptions {
  /** Closed with the sender; senders that stop together may share one. */
  poster: HttpPoster;
}

/** Posts to Slack's incoming webhooks. */
export function createSlackWebhookSender({ poster }: SlackWebhookOptions): Sender<"slack_webhook"> {
  return {
    async send({ config }, notice, signal, onRequest) {
      const { headers, body } = slackRequest(config, notice, new Date());
      onRequest?.(describePost(config.webhook_url, headers, body));
      return outcomeOf(await poster.post(config.webhook_url, headers, body, signal), config.webhook_url);
    },
    // No `forget`: connections belong to origins and carry nothing of a channel; idle ones close by themselves.
    close: () => poster.close(),
  };
}

/** What is posted at `now`; header names and values in turn. */
export function slackRequest(config: ChannelConfigs["slack_webhook"], notice: Notice, now: Date) {
  return {
    headers: ["content-type", "application/json; charset=utf-8", "user-agent", "jitsudo-notifications"],
    body: JSON.stringify(slackMessage(config, notice, now)),
  };
}

/**
 * The errors that Slack documents as not worth another attempt without a change
 * (https://docs.slack.dev/messaging/sending-messages-using-incoming-webhooks/#handling-errors),
 * and the two of Block Kit that chat.postMessage documents and webhooks answer as well.
 */
const permanentErrors = new Set([
  "action_prohibited",
  "channel_is_archived",
  "channel_not_found",
  "invalid_payload",
  "invalid_token",
  "no_active_hooks",
  "no_service",
  "no_service_id",
  "no_team",
  "no_text",
  "posting_to_general_channel_denied",
  "team_disabled",
  "too_many_attachments",
  "user_not_found",
  "invalid_blocks",
  "invalid_blocks_format",
]);

/** Slack answers with HTTP 200 and "ok", or with a 4xx status and the error's name. */
function outcomeOf(result: PostResult, url: string): SendOutcome {
  if (result.kind === "error") return { kind: "retry", error: result.error };
  const { status, body, retryAfterMs } = result;
  const answer = { statusCode: status, ...(body && { response: excerpt(body, () => urlSecrets(url)) }) };
  const code = body.trim();
  if (status === 200 && code === "ok") return { kind: "delivered", ...answer };
  if (status >= 400 && status < 500 && status !== 429) {
    if (permanentErrors.has(code)) return { kind: "failed", error: code, ...answer };
    if (status === 410) return { kind: "failed", error: describeStatus(status), ...answer };
  }
  const error = status === 200 ? 'HTTP 200 without "ok"' : describeStatus(status);
  return { kind: "retry", error, ...(retryAfterMs !== undefined && { retryAfterMs }), ...answer };
}
