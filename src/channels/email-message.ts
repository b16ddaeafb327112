import { createHash } from "node:crypto";
import type { SendMailOptions } from "nodemailer";
import type { ChannelConfigs, Notice } from "./channel.ts";
import { headline, truncate } from "./headline.ts";
import { formatUtc, type Summary, summarize } from "./summary.ts";

/** Longest subject in characters. */
const maxSubjectLength = 150;

/**
 * Draws a notice as an e-mail whose text and HTML parts say the same. Everything but the
 * MIME boundaries is the same on every attempt, Message-ID and Date included, so that a
 * mailbox that gets a second copy can tell.
 */
export function renderEmail(config: ChannelConfigs["email"], notice: Notice): SendMailOptions {
  const { event, deliveryId, eventId, receivedAt } = notice;
  const domain = messageIdDomain(config.from_address);
  const thread = threadOf(notice);
  const content = contentOf(notice);
  return {
    from: { name: "JITSudo", address: config.from_address },
    to: config.to_addresses.map((address) => ({ name: "", address })),
    subject: truncate(headline(notice), maxSubjectLength),
    text: textPart(content),
    html: htmlPart(content),
    date: receivedAt,
    messageId: `<${deliveryId}@${domain}>`,
    ...(thread && { references: `<${thread}@${domain}>` }),
    ...(event.type === "request.break_glass" && { priority: "high" as const }),
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

/** What both parts show, cleaned but not escaped. */
interface Content {
  severity: Summary["severity"];
  title: string;
  sentence: string;
  facts: Summary["facts"];
  link?: string;
  footer: string;
}

function contentOf(notice: Notice): Content {
  const { severity, title, sentence, facts, url, occurredAt } = summarize(notice);
  const link = httpLink(url);
  return {
    severity,
    title,
    sentence: clean(sentence),
    facts: facts.map(({ label, value }) => ({ label, value: clean(value) })),
    ...(link && { link }),
    footer: `${notice.event.type}, ${formatUtc(occurredAt)}. Sent by JITSudo.`,
  };
}

/** The URL in its normal form when it is http or https, so that no mail carries "javascript:" and the like. */
function httpLink(url = ""): string | undefined {
  const parsed = URL.parse(url);
  return parsed && /^https?:$/.test(parsed.protocol) ? parsed.href : undefined;
}

/** Line breaks and tabs stay; other control characters and those that turn the direction of text go. */
function clean(text: string): string {
  return text
    .toWellFormed()
    .replace(/\r\n?|[\u2028\u2029]/g, "\n")
    .replace(/[\u202a-\u202e\u2066-\u2069]|[^\P{Cc}\n\t]/gu, "");
}

function textPart({ title, sentence, facts, link, footer }: Content): string {
  return [
    title,
    sentence,
    // Continuation lines are indented, so that no value can pass for another fact.
    facts.map(({ label, value }) => `${label}: ${value.replaceAll("\n", "\n    ")}`).join("\n"),
    link ?? "",
    footer,
  ]
    .filter(Boolean)
    .join("\n\n");
}

const colors: Record<Summary["severity"], string> = {
  info: "#57606a",
  success: "#1a7f37",
  warning: "#9a6700",
  critical: "#cf222e",
};

/** Inline styles only and no images: what mail readers agree on. */
function htmlPart({ severity, title, sentence, facts, link, footer }: Content): string {
  const rows = facts.map(
    ({ label, value }) =>
      `<tr><th align="left" style="padding:4px 16px 4px 0;vertical-align:top;font-weight:600;white-space:nowrap">${label}</th>` +
      `<td style="padding:4px 0;word-break:break-word">${escapeHtml(value).replaceAll("\n", "<br>")}</td></tr>`,
  );
  return [
    '<!DOCTYPE html><html lang="en"><head><meta charset="utf-8"></head>',
    '<body style="margin:0;padding:24px;font-family:Helvetica,Arial,sans-serif;font-size:14px;line-height:1.5;color:#1f2328;background:#ffffff">',
    `<div style="max-width:640px;padding-left:16px;border-left:4px solid ${colors[severity]}">`,
    `<h1 style="margin:0 0 8px;font-size:18px;color:${colors[severity]}">${escapeHtml(title)}</h1>`,
    `<p style="margin:0 0 16px">${escapeHtml(sentence)}</p>`,
    rows.length > 0
      ? `<table cellpadding="0" cellspacing="0" style="border-collapse:collapse">${rows.join("")}</table>`
      : "",
    link
      ? `<p style="margin:16px 0 0;word-break:break-all"><a href="${escapeHtml(link)}">${escapeHtml(link)}</a></p>`
      : "",
    `<p style="margin:16px 0 0;font-size:12px;color:#57606a">${escapeHtml(footer)}</p>`,
    "</div></body></html>",
  ].join("\n");
}

function escapeHtml(text: string): string {
  const entities: Record<string, string> = {
    "&": "&amp;",
    "<": "&lt;",
    ">": "&gt;",
    '"': "&quot;",
    "'": "&#39;",
  };
  return text.replace(/[&<>"']/g, (character) => entities[character] ?? "");
}
