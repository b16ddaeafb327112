import { createHash } from "node:crypto";
import type { SendMailOptions } from "nodemailer";
import { uuidv7Time } from "../uuid-v7.ts";
import type { ChannelConfigs, Notice } from "./channel.ts";
import { htmlMessage } from "./email-html.ts";
import { subjectMatter } from "./headline.ts";
import { type Summary, summarize } from "./summary.ts";
import { textMessage } from "./text-message.ts";

/** Longest base subject in characters: with the longest title before it a subject takes 150. */
const maxBaseLength = 118;

/**
 * Draws a notice as an e-mail, as it is to be told at `now`, whose text and HTML parts say
 * the same. Everything but the MIME boundaries is the same on every attempt until what it
 * tells of expires, and Message-ID and Date always are, so that a mailbox that gets a second
 * copy can tell. Date is when the delivery was made: a replay is no mail of last week.
 */
export function renderEmail(config: ChannelConfigs["email"], notice: Notice, now: Date): SendMailOptions {
  const { event, deliveryId, eventId, settings } = notice;
  const domain = messageIdDomain(config.from_address);
  const thread = threadOf(notice);
  const summary = summarize(notice, now);
  return {
    from: { name: summary.product, address: config.from_address },
    to: config.to_addresses.map((address) => ({ name: "", address })),
    // The bracket is not part of the base subject (RFC 5256, 2.1), so that all mails
    // about a request sort and thread together and still tell what happened.
    subject: subjectOf(summary, notice),
    text: textMessage(summary, event.type),
    html: htmlMessage(summary, event.type, settings?.logoUrl),
    date: uuidv7Time(deliveryId),
    messageId: `<${deliveryId}@${domain}>`,
    ...(thread && { references: `<${thread}@${domain}>`, inReplyTo: `<${thread}@${domain}>` }),
    ...(event.type === "request.break_glass" && { priority: "high" as const }),
    // RFC 2919: what mail readers filter by.
    list: { id: { url: `access-notices.${domain}`, comment: summary.product } },
    headers: {
      // RFC 3834 and Exchange: no out-of-office answers to a notice.
      "Auto-Submitted": "auto-generated",
      "X-Auto-Response-Suppress": "All",
      "X-JITSudo-Event-Type": event.type,
      "X-JITSudo-Event-Id": eventId,
      "X-JITSudo-Delivery-Id": deliveryId,
    },
  };
}

/** A test's title has brackets of its own, and brackets within brackets are no tag. */
function subjectOf({ title }: Summary, { event, test }: Notice): string {
  const base = subjectMatter(event, maxBaseLength);
  return test ? `${title}: ${base}` : `[${title}] ${base}`;
}

/** The sender's domain where it can stand in a Message-ID (RFC 5322 dot-atom), else a name of ours. */
function messageIdDomain(fromAddress: string): string {
  const domain = fromAddress.slice(fromAddress.lastIndexOf("@") + 1);
  return /^[a-z0-9-]+(\.[a-z0-9-]+)*$/i.test(domain) ? domain : "jitsudo-notifications";
}

/**
 * The left side of an id that all mails about one request, or a grant without one, refer
 * to. No mail has that id itself, since any of them may be the first that a reader gets.
 * Hashed, because an id from elsewhere may hold anything.
 */
function threadOf({ tenantId, event }: Notice): string | undefined {
  const subject = event.request_id || event.grant_id;
  if (!subject) return undefined;
  return `thread-${createHash("sha256").update(`${tenantId} ${subject}`).digest("hex").slice(0, 32)}`;
}
