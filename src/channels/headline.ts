import type { Notice } from "./channel.ts";
import { oneLine } from "./plain-text.ts";
import { summarize } from "./summary.ts";

/**
 * One line that fits a subject: "[JITSudo] Break-glass access used: alice on
 * aws_account 123", with what is missing left out. Safe as a header value by itself:
 * no line breaks, control characters or half surrogate pairs.
 */
export function headline(notice: Notice): string {
  const { title, facts } = summarize(notice);
  const factOf = (label: string) => facts.find((fact) => fact.label === label)?.value ?? "";
  const details = [factOf("Requester"), factOf("Resource")].filter(Boolean).join(" on ");
  return oneLine(`[JITSudo] ${title}${details && `: ${details}`}`.toWellFormed());
}

/** The text in at most `max` UTF-16 code units, with an ellipsis where it was cut; no pair is split. */
export function truncate(text: string, max: number): string {
  return text.length <= max ? text : `${text.slice(0, max - 1).replace(/[\ud800-\udbff]$/, "")}…`;
}
