import type { Channel, Notice } from "./channel.ts";
import { renderEmail } from "./email-message.ts";
import { webhookRequest } from "./generic-webhook.ts";
import { slackRequest } from "./slack-webhook.ts";
import { renderPublish } from "./sns-message.ts";

/** A notice as it would go out, without the address that it goes to where that is secret. */
export type Preview =
  | { kind: "http"; headers: Record<string, string>; body: string }
  | {
      kind: "email";
      from: string;
      to: string[];
      subject: string;
      text: string;
      html: string;
      headers: Record<string, string>;
    }
  | {
      kind: "sns";
      topicArn: string;
      subject: string;
      message: string;
      attributes: Record<string, string>;
      groupId: string;
    };

const mask = "********";

/** Draws a notice with what the senders draw it with; header values that are secret are masked. */
export function previewOf(channel: Channel, notice: Notice): Preview {
  const now = new Date();
  switch (channel.type) {
    case "slack_webhook": {
      const { headers, body } = slackRequest(channel.config, notice, now);
      return { kind: "http", headers: inPairs(headers), body };
    }
    case "generic_webhook": {
      const { headers, body } = webhookRequest(channel.config, notice, now.getTime());
      const secret = new Set(["webhook-signature", ...Object.keys(channel.config.headers ?? {})]);
      return { kind: "http", headers: inPairs(headers, secret), body };
    }
    case "email": {
      const { from_address, to_addresses } = channel.config;
      const { subject = "", text, html, messageId = "", headers } = renderEmail(channel.config, notice, now);
      return {
        kind: "email",
        from: from_address,
        to: to_addresses,
        subject,
        text: String(text ?? ""),
        html: String(html ?? ""),
        headers: { "Message-ID": messageId, ...textsOf(headers ?? {}) },
      };
    }
    case "aws_sns": {
      const { TopicArn, Subject, Message, MessageAttributes, MessageGroupId } = renderPublish(
        channel,
        notice,
        now,
      );
      const attributes = Object.entries(MessageAttributes ?? {}).map(([name, { StringValue }]) => [
        name,
        StringValue ?? "",
      ]);
      return {
        kind: "sns",
        topicArn: TopicArn ?? "",
        subject: Subject ?? "",
        message: Message ?? "",
        attributes: Object.fromEntries(attributes),
        groupId: MessageGroupId ?? "",
      };
    }
  }
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
