import type { EventPayload, NoticeType } from "../events.ts";
import { duration, oneLine, paragraphs } from "./plain-text.ts";
import { parseTime } from "./time-text.ts";

/** Something known of the request or the grant, on one line. */
export interface Fact {
  label: string;
  value: string | Date;
}

/** What somebody wrote, in one or more lines. */
export interface Quote {
  label: string;
  text: string;
}

/** Longest single-line value in characters; webhooks and SNS pass on the whole. */
const maxValueLength = 200;

/** Longest quote, so that the link below it stays in sight. */
const maxQuote = { length: 1_200, lines: 16 };

/** What is known, in the order in which a reader wants it. `over`: `expires_at` has passed. */
export function factsOf(event: EventPayload, over: boolean): Fact[] {
  const line = (text: string | undefined) => oneLine(text, maxValueLength);
  const facts =
    event.type === "channel.disabled" ? channelFacts(event, line) : accessFacts(event, line, over);
  return facts.filter(({ value }) => value !== "");
}

type Line = (text: string | undefined) => string;

function accessFacts(event: EventPayload, line: Line, over: boolean): Fact[] {
  return [
    { label: "Requester", value: line(event.requester) },
    { label: "Reviewer", value: line(event.reviewer) },
    { label: "Resource", value: line(resource(event)) },
    { label: "Permission set", value: line(event.permission_set_arn) },
    { label: "Duration", value: duration(event.duration_seconds) },
    ...endFact(event, over),
    { label: "Request", value: line(event.request_id) },
    { label: "Grant", value: line(event.grant_id) },
  ];
}

/** Of the service's own event. Channels may share a name, so it takes more to tell which. */
function channelFacts({ resource_id, attributes = {} }: EventPayload, line: Line): Fact[] {
  const { channel_type: type, channel_id: id } = attributes;
  return [
    { label: "Channel", value: line(resource_id) },
    { label: "Kind", value: line(readableType(String(type ?? ""))) },
    { label: "Channel ID", value: line(String(id ?? "")) },
  ];
}

/** Why it was asked for, and why it was decided so. */
export function quotesOf(event: EventPayload): Quote[] {
  return [
    { label: "Justification", text: paragraphs(event.justification, maxQuote) },
    { label: "Reason", text: paragraphs(event.reason, maxQuote) },
  ].filter(({ text }) => text !== "");
}

/** Type and id, as far as they are known, the type as people write it: "AWS account 123456789012". */
export function resource(event: EventPayload): string {
  return oneLine(`${readableType(event.resource_type)} ${event.resource_id ?? ""}`);
}

/**
 * What a permission set is called, when its ARN tells: "AdministratorAccess" of
 * "arn:aws:iam::aws:policy/AdministratorAccess", but nothing of ".../ps-0123456789abcdef".
 */
export function permission(event: EventPayload): string {
  const last = oneLine(event.permission_set_arn).split("/").at(-1) ?? "";
  return /^(ps|ssoins)-|^arn:/.test(last) ? "" : last;
}

/** `expires_at`, which of what was denied is the end of nothing. */
function endFact({ type, expires_at }: EventPayload, over: boolean): Fact[] {
  const end = parseTime(expires_at);
  return end && type !== "request.denied" ? [{ label: endLabel(type, over), value: end }] : [];
}

function endLabel(type: NoticeType, over: boolean): string {
  switch (type) {
    case "request.pending":
      return over ? "Request expired" : "Request expires";
    // These two by the sender's clock, which may be ahead of ours.
    case "request.expired":
      return "Expired";
    case "grant.expired":
      return "Ended";
    case "grant.revoked":
      return "Planned end";
    default:
      return over ? "Expired" : "Expires";
  }
}

/** Abbreviations that are written in capitals. */
const abbreviations = /\b(api|aws|db|ec2|ecs|eks|gcp|gke|iam|rds|s3|sns|ssh|vm|vpc)\b/g;

function readableType(type = ""): string {
  // Only what looks like an identifier is reworded.
  if (!/^[a-z0-9_]+$/.test(type)) return type;
  return type.replaceAll("_", " ").replace(abbreviations, (word) => word.toUpperCase());
}
