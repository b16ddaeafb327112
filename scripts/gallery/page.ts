import type { Notice } from "../../src/channels/channel.ts";
import { binaryCloudEvent, structuredCloudEvent } from "../../src/channels/cloud-event.ts";
import { renderEmail } from "../../src/channels/email-message.ts";
import { slackMessage } from "../../src/channels/slack-message.ts";
import { renderPublish } from "../../src/channels/sns-message.ts";
import { webhookPayload } from "../../src/channels/webhook-payload.ts";
import { closing, opening } from "./prose.ts";
import { emailConfig, samples, slackConfig, snsChannel } from "./samples.ts";

/** docs/messages.md: how each of the nine events looks on each of the four channels. */
export function galleryPage(): string {
  return [opening, ...samples.flatMap(eventSection), ...cloudEventsSection(), closing]
    .join("\n\n")
    .concat("\n");
}

function eventSection(notice: Notice): string[] {
  const { event, receivedAt } = notice;
  const { type } = event;
  const { subject, text } = renderEmail(emailConfig, notice, receivedAt);
  return [
    `## ${type}`,
    pictures(type, ["slack", "email"]),
    ...(type === "request.pending" || type === "request.break_glass"
      ? [pictures(type, ["phone", "dark"])]
      : []),
    fold("E-mail: subject and plain-text part", block("text", `Subject: ${subject}\n\n${text}`)),
    fold("Webhook: the body", json(webhookPayload(notice, receivedAt))),
    fold("SNS: what each kind of subscription gets", snsPanel(notice)),
    fold("Slack: the message", json(slackMessage(slackConfig, notice, receivedAt))),
  ];
}

const captions = {
  slack: "Slack (approximation)",
  email: "E-mail",
  phone: "E-mail on a phone",
  dark: "E-mail on a phone, dark mode",
};

function pictures(type: string, names: (keyof typeof captions)[]): string {
  const cells = (cell: (name: keyof typeof captions) => string) => `| ${names.map(cell).join(" | ")} |`;
  return [
    cells((name) => captions[name]),
    cells(() => "---"),
    cells(
      (name) =>
        `<img src="images/messages/${type}.${name}.png" width="420" alt="${captions[name]}: ${type}">`,
    ),
  ].join("\n");
}

function snsPanel(notice: Notice): string {
  const { Subject, Message, MessageAttributes } = renderPublish(snsChannel, notice, notice.receivedAt);
  const { sms, email } = JSON.parse(Message ?? "{}");
  const attributes = Object.entries(MessageAttributes ?? {}).map(
    ([name, { StringValue }]) => `${name} = ${StringValue}`,
  );
  return [
    "Queues, functions and endpoints get the JSON of the webhook. Attributes for filter policies:",
    block("text", attributes.join("\n")),
    `Text messages (${sms.length} characters):`,
    block("text", sms),
    "E-mail subscriptions:",
    block("text", `Subject: ${Subject}\n\n${email}`),
  ].join("\n\n");
}

function cloudEventsSection(): string[] {
  const sample = samples.find(({ event }) => event.type === "request.break_glass");
  if (!sample) throw new Error("There is no sample of request.break_glass");
  const payload = webhookPayload(sample, sample.receivedAt);
  const { headers, body } = binaryCloudEvent(payload);
  const lines = headers.flatMap((name, index) => (index % 2 === 0 ? [`${name}: ${headers[index + 1]}`] : []));
  return [
    "## CloudEvents",
    'A generic webhook with `"format": "cloudevents_structured"` or `"cloudevents_binary"` posts CloudEvents 1.0 with the same payload as `data`. The headers of Standard Webhooks, the signature among them, are there in every format.',
    fold("Structured mode: the body", json(JSON.parse(structuredCloudEvent(payload).body))),
    fold(
      "Binary mode: headers and body",
      block("http", `${lines.join("\n")}\n\n${pretty(JSON.parse(body))}`),
    ),
  ];
}

function fold(title: string, content: string): string {
  return `<details><summary>${title}</summary>\n\n${content}\n\n</details>`;
}

function json(value: unknown): string {
  return block("json", pretty(value));
}

function pretty(value: unknown): string {
  return JSON.stringify(value, undefined, 2);
}

function block(language: string, text: string): string {
  return `\`\`\`${language}\n${text}\n\`\`\``;
}
