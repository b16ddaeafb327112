import type { EventPayload, NoticeType } from "../events.ts";
import { access, by, decided, held, lasting, name, request, untilOrLasting, who } from "./clauses.ts";
import type { Phrase } from "./phrase.ts";

/** How loud a notice is. */
export type Severity = "info" | "success" | "warning" | "critical";

/** How somebody must act at once. */
export type Urge = "primary" | "danger";

/** What is said about an event. Every sentence holds when all optional fields are missing. */
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
  /** Whether somebody must act at once: channels may draw that link so. */
  urge?: Urge | undefined;
}

/** What is said about one type of event, and what else where its `expires_at` has passed. */
type TypeWording = Wording & { over?: Partial<Wording> };

/**
 * How a notice is worded that is drawn before `expires_at`, or after it (`over`): one that
 * was replayed, or waited for an endpoint, must not call for what is over.
 */
export function wordingOf(type: NoticeType, over: boolean): Wording {
  const wording = wordings[type];
  return over ? { ...wording, ...wording.over } : wording;
}

/** What has ended is no longer loud. */
const nothingToDo = { severity: "info", nextStep: () => [] } as const;

const wordings: Record<NoticeType, TypeWording> = {
  "request.pending": {
    severity: "warning",
    icon: "🟡",
    title: "Approval needed",
    sentence: (event) => [...who(event), " asks for ", ...access(event), ...lasting(event), "."],
    nextStep: (event) => ["Approve or deny the request", ...by(event, " before it expires at "), "."],
    action: "Review request",
    urge: "primary",
    over: {
      severity: "info",
      title: "Approval was needed",
      sentence: (event) => [...who(event), " asked for ", ...access(event), ...lasting(event), "."],
      nextStep: (event) => [
        "The request expired",
        ...by(event, " at "),
        ": there is nothing to decide any more.",
      ],
      action: "View request",
      urge: undefined,
    },
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
    urge: "danger",
    over: {
      sentence: (event) => [
        ...who(event),
        " used break-glass and had ",
        ...access(event),
        ...by(event, " until "),
        ".",
      ],
      nextStep: () => ["The approval was bypassed. Check that the emergency was real."],
    },
  },
  "grant.active": {
    severity: "success",
    icon: "🔓",
    title: "Access is live",
    sentence: (event) => [...who(event), " now has ", ...access(event), ...untilOrLasting(event), "."],
    action: "View grant",
    over: {
      ...nothingToDo,
      title: "Access was live",
      sentence: (event) => [...who(event), " had ", ...access(event), ...by(event, " until "), "."],
    },
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
    over: {
      ...nothingToDo,
      title: "Access has ended",
      sentence: (event) => [...held(event, "The"), ...by(event, " ended at "), "."],
    },
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
    severity: "warning",
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
