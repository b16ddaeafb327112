import { noticeSchema, type WebhookNotice } from "../webhooks/notice.ts";
import type { Notice } from "./channel.ts";
import { phraseText } from "./phrase.ts";
import { summarize } from "./summary.ts";
import { utcText } from "./time-text.ts";

/** A drawn payload with the headers that tell its form, names and values in turn. */
export interface WebhookMessage {
  headers: string[];
  body: string;
}

export function webhookPayload(notice: Notice, now: Date): WebhookNotice {
  const { type, occurred_at, ...data } = notice.event;
  const { severity, title, sentence, links } = summarize(notice, now);
  const [link] = links;
  const receivedAt = notice.receivedAt.toISOString();
  return {
    id: notice.eventId,
    type,
    timestamp: occurred_at ?? receivedAt,
    received_at: receivedAt,
    tenant_id: notice.tenantId,
    delivery_id: notice.deliveryId,
    schema: noticeSchema,
    severity,
    title,
    summary: phraseText(sentence, utcText),
    ...(link && { url: link.url }),
    ...(notice.test && { test: true as const }),
    data,
  };
}
