import type { EventPayload, EventType } from "../events.ts";
import type { Notice } from "./channel.ts";
import { duration, oneLine } from "./plain-text.ts";

/** How loud a notice is. */
export type Severity = "info" | "success" | "warning" | "critical";

/**
 * A notice in words, before any channel draws it: plain text, neither escaped nor
 * truncated, made from whatever fields the event has.
 */
export interface Summary {
  severity: Severity;
  /** A few words: "Break-glass access used". */
  title: string;
  /** One sentence that says who, what and where. */
  sentence: string;
  /** Label and value, in the order in which a reader wants them. */
  facts: { label: string; value: string }[];
  /** Where to look at the request or the grant. */
  url?: string;
  /** When it happened: as sent, else when it was received. */
  occurredAt: Date;
}

/**
 * Puts a notice into words. Every text but the facts "Justification" and
 * "Reason" is a single line without control characters.
 */
export function summarize(notice: Notice): Summary {
  const { event } = notice;
  const { severity, title, sentence } = wordings[event.type];
  return {
    severity,
    title,
    sentence: sentence(event),
    facts: factsOf(event),
    ...(event.url && { url: event.url }),
    occurredAt: parseTime(event.occurred_at) ?? notice.receivedAt,
  };
}

/** What is said about each type; every sentence holds when all optional fields are missing. */
const wordings: Record<
  EventType,
  { severity: Severity; title: string; sentence: (event: EventPayload) => string }
> = {
  "request.pending": {
    severity: "warning",
    title: "Access request awaits review",
    sentence: (event) => `${who(event)} asks for access${to(event)}${lasting(event)}.`,
  },
  "request.approved": {
    severity: "success",
    title: "Access request approved",
    sentence: (event) => `${theRequest(event)} was approved${by(event)}.`,
  },
  "request.denied": {
    severity: "warning",
    title: "Access request denied",
    sentence: (event) => `${theRequest(event)} was denied${by(event)}.`,
  },
  "request.expired": {
    severity: "info",
    title: "Access request expired",
    sentence: (event) => `${theRequest(event)} expired before it was approved.`,
  },
  "request.break_glass": {
    severity: "critical",
    title: "Break-glass access used",
    sentence: (event) => `${who(event)} used emergency break-glass access${to(event)}${lasting(event)}.`,
  },
  "grant.active": {
    severity: "success",
    title: "Access is live",
    sentence: (event) => `${who(event)} now has access${to(event)}${until(event) || lasting(event)}.`,
  },
  "grant.expiring_soon": {
    severity: "warning",
    title: "Access ends soon",
    sentence: (event) => `${theAccess(event)} ends soon${at(event)}.`,
  },
  "grant.expired": {
    severity: "info",
    title: "Access ended",
    sentence: (event) => `${theAccess(event)} has ended.`,
  },
  "grant.revoked": {
    severity: "warning",
    title: "Access revoked",
    sentence: (event) => `${theAccess(event)} was revoked${by(event)}.`,
  },
};

const who = (event: EventPayload) => oneLine(event.requester) || "Someone";
const by = (event: EventPayload) => before(" by ", oneLine(event.reviewer));
const to = (event: EventPayload) => before(" to ", resource(event));
const lasting = (event: EventPayload) => before(" for ", duration(event.duration_seconds));
const until = (event: EventPayload) => before(" until ", expiry(event));
const at = (event: EventPayload) => before(", at ", expiry(event));
const theRequest = (event: EventPayload) =>
  `The access request${before(" by ", oneLine(event.requester))}${before(" for ", resource(event))}`;
const theAccess = (event: EventPayload) =>
  `The access${before(" of ", oneLine(event.requester))}${to(event)}`;

function factsOf(event: EventPayload): Summary["facts"] {
  return [
    { label: "Requester", value: oneLine(event.requester) },
    { label: "Reviewer", value: oneLine(event.reviewer) },
    { label: "Resource", value: resource(event) },
    { label: "Permission set", value: oneLine(event.permission_set_arn) },
    { label: "Duration", value: duration(event.duration_seconds) },
    { label: "Justification", value: event.justification?.trim() ?? "" },
    { label: "Reason", value: event.reason?.trim() ?? "" },
    { label: "Expires", value: expiry(event) },
    { label: "Request", value: oneLine(event.request_id) },
    { label: "Grant", value: oneLine(event.grant_id) },
  ].filter(({ value }) => value !== "");
}

/** Type and id, as far as they are known: "aws_account 123456789012". */
function resource(event: EventPayload): string {
  return oneLine(`${event.resource_type ?? ""} ${event.resource_id ?? ""}`);
}

function expiry(event: EventPayload): string {
  const time = parseTime(event.expires_at);
  return time ? formatUtc(time) : oneLine(event.expires_at);
}

/** A time for people, to the minute: "2026-03-01 17:05 UTC". */
export function formatUtc(time: Date): string {
  return `${time.toISOString().slice(0, 16).replace("T", " ")} UTC`;
}

function parseTime(text: string | undefined): Date | undefined {
  const time = new Date(text ?? Number.NaN);
  return Number.isNaN(time.getTime()) ? undefined : time;
}

function before(word: string, text: string): string {
  return text && word + text;
}
