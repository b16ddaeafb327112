import type { EventPayload, NoticeType } from "../events.ts";
import { permission, resource } from "./facts.ts";
import type { Part, Phrase } from "./phrase.ts";
import { duration, oneLine } from "./plain-text.ts";
import { parseTime } from "./time-text.ts";

/** How loud a notice is. */
export type Severity = "info" | "success" | "warning" | "critical";

/** What is said about one type of event. Every sentence holds when all optional fields are missing. */
interface Wording {
  severity: Severity;
  /** One emoji that tells the types apart at a glance. */
  icon: string;
  /** What has happened, in at most four words. */
  title: string;
  /** Who, what, where and until when. */
  sentence(event: EventPayload): Phrase;
  /** What the reader should do, where there is something to do. */
  nextStep?(event: EventPayload): Phrase;
  /** What the link to the request or the grant says. */
  action: string;
}

export const wordings: Record<NoticeType, Wording> = {
  "request.pending": {
    severity: "warning",
    icon: "🟡",
    title: "Approval needed",
    sentence: (event) => [...who(event), " asks for ", ...access(event), ...lasting(event), "."],
    nextStep: (event) => ["Approve or deny the request", ...by(event, " before it expires at "), "."],
    action: "Review request",
  },
  "request.approved": {
    severity: "success",
    icon: "✅",
    title: "Request approved",
    sentence: (event) => decided(event, "approved"),
    action: "View request",
  },
  "request.denied": {
    severity: "warning",
    icon: "❌",
    title: "Request denied",
    sentence: (event) => decided(event, "denied"),
    action: "View request",
  },
  "request.expired": {
    severity: "info",
    icon: "⌛",
    title: "Request expired",
    sentence: (event) => [...request(event, "The"), " was not approved in time."],
    nextStep: () => ["If the access is still needed, it has to be requested again."],
    action: "View request",
  },
  "request.break_glass": {
    severity: "critical",
    icon: "🚨",
    title: "Break-glass access used",
    sentence: (event) => [
      ...who(event),
      " used break-glass to get ",
      ...access(event),
      ...untilOrLasting(event),
      ".",
    ],
    nextStep: () => [
      "The approval was bypassed. Check that the emergency is real, and revoke the access if it is not.",
    ],
    action: "Check this access",
  },
  "grant.active": {
    severity: "success",
    icon: "🔓",
    title: "Access is live",
    sentence: (event) => [...who(event), " now has ", ...access(event), ...untilOrLasting(event), "."],
    action: "View grant",
  },
  "grant.expiring_soon": {
    severity: "warning",
    icon: "⏳",
    title: "Access ends soon",
    sentence: (event) => {
      const end = by(event, " ends at ");
      return [...held(event, "The"), ...(end.length > 0 ? end : [" ends soon"]), "."];
    },
    nextStep: () => ["Finish what is open, or request access again in time."],
    action: "View grant",
  },
  "grant.expired": {
    severity: "info",
    icon: "🔒",
    title: "Access ended",
    sentence: (event) => [...held(event, "The"), " has ended as planned."],
    action: "View grant",
  },
  "grant.revoked": {
    severity: "warning",
    icon: "⛔",
    title: "Access revoked",
    sentence: (event) => {
      const reviewer = name(event.reviewer);
      return reviewer
        ? [reviewer, " revoked ", ...held(event, "the"), "."]
        : [...held(event, "The"), " was revoked before its end."];
    },
    action: "View grant",
  },
  "channel.disabled": {
    severity: "critical",
    icon: "🔕",
    title: "Channel disabled",
    sentence: (event) => {
      const channel = name(event.resource_id);
      return [
        ...(channel ? ["The notification channel ", channel] : ["A notification channel"]),
        " was disabled, since it kept failing.",
      ];
    },
    nextStep: () => ["Repair it and enable it again; what it has missed can be replayed."],
    action: "View channel",
  },
};

/** Longest name within a sentence, in characters; the facts show more of it. */
const maxNameLength = 80;

function name(text: string | undefined): { name: string } | undefined {
  const shown = oneLine(text, maxNameLength);
  return shown ? { name: shown } : undefined;
}

function who(event: EventPayload): Part[] {
  return [name(event.requester) ?? "Someone"];
}

/** "AdministratorAccess on AWS account 1", "access to AWS account 1", "access". */
function access(event: EventPayload): Part[] {
  const right = name(permission(event));
  const place = name(resource(event));
  if (right) return place ? [right, " on ", place] : [right];
  return place ? ["access to ", place] : ["access"];
}

/** "alice's access to AWS account 1", "The access", "The grant of ReadOnlyAccess". */
function held(event: EventPayload, article: "The" | "the"): Part[] {
  const owner = name(event.requester);
  if (owner) return [owner, "'s ", ...access(event)];
  return [permission(event) ? `${article} grant of ` : `${article} `, ...access(event)];
}

/** "alice's request for access", "The request for access". */
function request(event: EventPayload, article: "The" | "the"): Part[] {
  const owner = name(event.requester);
  return owner ? [owner, "'s request for ", ...access(event)] : [`${article} request for `, ...access(event)];
}

function decided(event: EventPayload, how: "approved" | "denied"): Part[] {
  const reviewer = name(event.reviewer);
  return reviewer
    ? [reviewer, ` ${how} `, ...request(event, "the"), ...lasting(event), "."]
    : [...request(event, "The"), ...lasting(event), ` was ${how}.`];
}

function lasting(event: EventPayload): Part[] {
  const text = duration(event.duration_seconds);
  return text ? [" for ", { name: text }] : [];
}

function by(event: EventPayload, before: string): Part[] {
  const end = parseTime(event.expires_at);
  return end ? [before, end] : [];
}

function untilOrLasting(event: EventPayload): Part[] {
  const end = by(event, " until ");
  return end.length > 0 ? end : lasting(event);
}
