import { create } from "@bufbuild/protobuf";
import {
  type PreviewChannelResponse,
  PreviewChannelResponseSchema,
} from "../../gen/jitsudo/notifications/v1/channel_pb.js";
import type { Channel, Notice } from "../channels/channel.ts";
import { renderEmail } from "../channels/email-message.ts";
import { webhookRequest } from "../channels/generic-webhook.ts";
import { slackRequest } from "../channels/slack-webhook.ts";
import { renderPublish } from "../channels/sns-message.ts";
import { mask, maskConfig } from "../store/channel-secrets.ts";

/**
 * A notice as it would go out, drawn with what the senders draw it with. What is secret of the
 * address and of the headers is masked.
 */
export function previewMessage(channel: Channel, notice: Notice): PreviewChannelResponse {
  const now = new Date();
  switch (channel.type) {
    case "slack_webhook": {
      const { headers, body } = slackRequest(channel.config, notice, now);
      return httpMessage(maskConfig(channel.type, channel.config).webhook_url, inPairs(headers), body);
    }
    case "generic_webhook": {
      const { headers, body } = webhookRequest(channel.config, notice, now.getTime());
      const secret = new Set(["webhook-signature", ...Object.keys(channel.config.headers ?? {})]);
      return httpMessage(maskConfig(channel.type, channel.config).url, inPairs(headers, secret), body);
    }
    case "email": {
      const { from_address: from, to_addresses: to } = channel.config;
      const mail = renderEmail(channel.config, notice, now);
      const { subject = "", messageId = "" } = mail;
      const [text, html] = [String(mail.text ?? ""), String(mail.html ?? "")];
      const headers = { "Message-ID": messageId, ...textsOf(mail.headers ?? {}) };
      return create(PreviewChannelResponseSchema, {
        preview: { case: "email", value: { from, to, subject, text, html, headers } },
      });
    }
    case "aws_sns": {
      const publish = renderPublish(channel, notice, now);
      const { TopicArn: topicArn = "", Subject: subject = "", Message: message = "" } = publish;
      const { MessageGroupId: messageGroupId = "", MessageAttributes = {} } = publish;
      const attributes = Object.fromEntries(
        Object.entries(MessageAttributes).map(([name, { StringValue = "" }]) => [name, StringValue]),
      );
      return create(PreviewChannelResponseSchema, {
        preview: { case: "sns", value: { topicArn, subject, message, attributes, messageGroupId } },
      });
    }
  }
}

function httpMessage(url: unknown, headers: Record<string, string>, body: string): PreviewChannelResponse {
  return create(PreviewChannelResponseSchema, {
    preview: { case: "http", value: { method: "POST", url: String(url), headers, body } },
  });
}

/** Of names and values in turn. */
function inPairs(headers: string[], secret: ReadonlySet<string> = new Set()): Record<string, string> {
  const pairs: Record<string, string> = {};
  for (let index = 0; index < headers.length; index += 2) {
    const name = headers[index] ?? "";
    pairs[name] = secret.has(name) ? mask : (headers[index + 1] ?? "");
  }
  return pairs;
}

function textsOf(headers: object): Record<string, string> {
  return Object.fromEntries(Object.entries(headers).map(([name, value]) => [name, String(value)]));
}
