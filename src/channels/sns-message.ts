import { createHash } from "node:crypto";
import type { PublishCommandInput } from "@aws-sdk/client-sns";
import type { EventPayload } from "../events.ts";
import type { Channel, Notice } from "./channel.ts";
import { subjectMatter } from "./headline.ts";
import { truncate } from "./plain-text.ts";
import { smsMessage, truncateAscii } from "./sms-message.ts";
import { spelled } from "./spelling.ts";
import { type Summary, summarize } from "./summary.ts";
import { textMessage } from "./text-message.ts";
import { webhookPayload } from "./webhook-payload.ts";

/** "Less than 100 characters" (SNS API reference, Publish, Subject). */
const maxSubjectLength = 99;

/** Longest name of the product in a subject, which has to tell more than that. */
const maxProductLength = 20;

/** SNS takes 262,144 bytes of body and attributes together; the attributes need less than 4,096. */
const maxMessageBytes = 262_144 - 4_096;

/** To how many characters justification and reason are cut where the whole does not fit. */
const maxProseLength = 1_000;

/** Longest value of a message attribute, in characters. */
const maxAttributeLength = 300;

/**
 * Draws a notice for an SNS topic, as it is to be told at `now`, in one form for each kind of subscription
 * (https://docs.aws.amazon.com/sns/latest/api/API_Publish.html, MessageStructure): JSON
 * for queues, functions and endpoints, text for mail, a line for telephones. The
 * attributes are for filter policies; `truncated` names the fields of `data` that were
 * cut or left out because the message would have been too large.
 */
export function renderPublish(
  channel: Extract<Channel, { type: "aws_sns" }>,
  notice: Notice,
  now: Date,
): PublishCommandInput {
  const { event, deliveryId } = notice;
  const summary = summarize(notice, now);
  const { message, truncated } = fittingMessage(notice, summary, now);
  return {
    TopicArn: channel.config.topic_arn,
    Subject: subjectOf(summary, event),
    MessageStructure: "json",
    Message: message,
    MessageAttributes: attributesOf(notice, summary, truncated),
    ...(channel.config.topic_arn.endsWith(".fifo") && {
      // What is ordered is one request, and a grant that came without one.
      MessageGroupId: groupId(event.request_id || event.grant_id || channel.id),
      MessageDeduplicationId: deliveryId,
    }),
  };
}

/**
 * SNS documented subjects as ASCII first and as UTF-8 later, so ASCII is right for every
 * region and emulator.
 */
function subjectOf({ product, title }: Summary, event: EventPayload): string {
  const name = asciiName(product, maxProductLength);
  const start = `${name && `[${name}] `}${title}: `;
  return start + subjectMatter(event, maxSubjectLength - start.length, asciiName);
}

/** Without the words of which ASCII has nothing: "????" is no name. In other words "?" stands for what it lacks. */
function asciiName(text: string, max: number): string {
  const words = text.split(" ").map((word) => spelled(word, /^[!-~]$/));
  const told = words.filter((forms) => forms.some(Boolean));
  return truncateAscii(told.map((forms) => forms.map((form) => form ?? "?").join("")).join(" "), max);
}

/**
 * The first form of the message that SNS takes, and which fields of `data` it lacks in
 * full. What people wrote is cut before what programs read.
 */
function fittingMessage(
  notice: Notice,
  summary: Summary,
  now: Date,
): { message: string; truncated?: string } {
  const message = messageOf(notice, summary, now);
  if (fits(message)) return { message };

  const event = { ...notice.event, ...cutProse(notice.event) };
  const withoutProse = messageOf({ ...notice, event }, summary, now);
  if (fits(withoutProse)) return { message: withoutProse, truncated: "justification,reason" };

  // The API's limits on the other fields keep this one small enough.
  const { attributes: _, ...bare } = event;
  const least = messageOf({ ...notice, event: bare }, summary, now);
  return { message: least, truncated: "attributes,justification,reason" };
}

/** `default` is what sqs, lambda, http, https and firehose get. */
function messageOf(notice: Notice, summary: Summary, now: Date): string {
  return JSON.stringify({
    default: JSON.stringify(webhookPayload(notice, now)),
    email: textMessage(summary, notice.event.type),
    sms: smsMessage(summary),
  });
}

function fits(message: string): boolean {
  return Buffer.byteLength(message) <= maxMessageBytes;
}

function cutProse({ justification, reason }: EventPayload): Partial<EventPayload> {
  return {
    ...(justification !== undefined && { justification: truncate(justification, maxProseLength) }),
    ...(reason !== undefined && { reason: truncate(reason, maxProseLength) }),
  };
}

function attributesOf(
  { event, tenantId, test }: Notice,
  { severity }: Summary,
  truncated = "",
): PublishCommandInput["MessageAttributes"] {
  const values = {
    event_type: event.type,
    tenant_id: tenantId,
    severity,
    request_id: attributeText(event.request_id),
    resource_type: attributeText(event.resource_type),
    truncated,
    test: test ? "true" : "",
  };
  // An attribute without a value is refused.
  return Object.fromEntries(
    Object.entries(values)
      .filter(([, value]) => value !== "")
      .map(([name, value]) => [name, { DataType: "String", StringValue: value }]),
  );
}

/** Without the characters that SQS refuses in attributes (SQS API reference, SendMessage). */
function attributeText(text = ""): string {
  return truncate(text.toWellFormed().replace(/[\p{Cc}\ufffe\uffff]/gu, ""), maxAttributeLength);
}

/** The id where SNS takes it: up to 128 printable ASCII characters without spaces; else its hash. */
function groupId(id: string): string {
  return /^[!-~]{1,128}$/.test(id) ? id : createHash("sha256").update(id).digest("hex");
}
