import { createHash } from "node:crypto";
import type { PublishCommandInput } from "@aws-sdk/client-sns";
import type { EventPayload } from "../events.ts";
import type { Channel, Notice } from "./channel.ts";
import { headline, truncate } from "./headline.ts";
import { webhookPayload } from "./webhook-payload.ts";

/** "Less than 100 characters" (SNS API reference, Publish, Subject). */
const maxSubjectLength = 99;

/** SNS takes 262,144 bytes of body and attributes together; the attributes need less than 1,024. */
const maxBodyBytes = 262_144 - 1_024;

/** To how many characters justification and reason are cut when nothing else helps. */
const maxProseLength = 1_000;

/**
 * Draws a notice for an SNS topic. The message is the JSON that webhooks get; the attributes
 * `event_type` and `tenant_id` are for subscription filters, and `truncated` names the
 * fields of `data` that were cut or left out because the message would have been too large.
 */
export function renderPublish(
  channel: Extract<Channel, { type: "aws_sns" }>,
  notice: Notice,
): PublishCommandInput {
  const { event, tenantId, deliveryId } = notice;
  const { body, truncated } = bodyOf(notice);
  return {
    TopicArn: channel.config.topic_arn,
    Subject: subjectOf(notice),
    Message: body,
    MessageAttributes: {
      event_type: { DataType: "String", StringValue: event.type },
      tenant_id: { DataType: "String", StringValue: tenantId },
      ...(truncated && { truncated: { DataType: "String", StringValue: truncated } }),
    },
    ...(channel.config.topic_arn.endsWith(".fifo") && {
      // What is ordered is one request, and a grant that came without one.
      MessageGroupId: groupId(event.request_id || event.grant_id || channel.id),
      MessageDeduplicationId: deliveryId,
    }),
  };
}

/**
 * SNS documented subjects as ASCII first and as UTF-8 later, so ASCII is right for every
 * region and emulator: accents go, and whatever else has no ASCII form becomes "?".
 */
function subjectOf(notice: Notice): string {
  const ascii = toAscii(truncate(headline(notice), maxSubjectLength));
  return ascii.length <= maxSubjectLength ? ascii : `${ascii.slice(0, maxSubjectLength - 3)}...`;
}

function toAscii(text: string): string {
  return text
    .normalize("NFKD")
    .replace(/\p{M}/gu, "")
    .replace(/[^ -~]/gu, "?");
}

/** The first form of the body that SNS takes, and which fields it lacks in full. */
function bodyOf(notice: Notice): { body: string; truncated?: string } {
  const body = webhookPayload(notice);
  if (fits(body)) return { body };

  const { attributes: _, ...event } = notice.event;
  const withoutAttributes = webhookPayload({ ...notice, event });
  if (fits(withoutAttributes)) return { body: withoutAttributes, truncated: "attributes" };

  // The API's limits on the other fields keep this one small enough.
  const cut = webhookPayload({ ...notice, event: { ...event, ...cutProse(event) } });
  return { body: cut, truncated: "attributes,justification,reason" };
}

function fits(body: string): boolean {
  return Buffer.byteLength(body) <= maxBodyBytes;
}

function cutProse({ justification, reason }: EventPayload): Partial<EventPayload> {
  return {
    ...(justification !== undefined && { justification: truncate(justification, maxProseLength) }),
    ...(reason !== undefined && { reason: truncate(reason, maxProseLength) }),
  };
}

/** The id where SNS takes it: up to 128 printable ASCII characters without spaces; else its hash. */
function groupId(id: string): string {
  return /^[!-~]{1,128}$/.test(id) ? id : createHash("sha256").update(id).digest("hex");
}
