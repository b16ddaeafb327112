import type { EventPayload } from "../events.ts";
import { permission, resource } from "./facts.ts";
import type { Part } from "./phrase.ts";
import { duration, oneLine } from "./plain-text.ts";
import { parseTime } from "./time-text.ts";

/** Longest name within a sentence, in characters; the facts show more of it. */
const maxNameLength = 80;

/** Something that the event names; undefined when it does not. */
export function name(text: string | undefined): { name: string } | undefined {
  const shown = oneLine(text, maxNameLength);
  return shown ? { name: shown } : undefined;
}

/** The requester, or "Someone". */
export function who(event: EventPayload): Part[] {
  return [name(event.requester) ?? "Someone"];
}

/** "AdministratorAccess on AWS account 1", "access to AWS account 1", "access". */
export function access(event: EventPayload): Part[] {
  const right = name(permission(event));
  const place = name(resource(event));
  if (right) return place ? [right, " on ", place] : [right];
  return place ? ["access to ", place] : ["access"];
}

/** "alice's access to AWS account 1", "The access", "The grant of ReadOnlyAccess". */
export function held(event: EventPayload, article: "The" | "the"): Part[] {
  const owner = name(event.requester);
  if (owner) return [owner, "'s ", ...access(event)];
  return [permission(event) ? `${article} grant of ` : `${article} `, ...access(event)];
}

/** "alice's request for access", "The request for access". */
export function request(event: EventPayload, article: "The" | "the"): Part[] {
  const owner = name(event.requester);
  return owner ? [owner, "'s request for ", ...access(event)] : [`${article} request for `, ...access(event)];
}

/** "bob approved alice's request for access", "The request for access was approved". */
export function decided(event: EventPayload, how: "approved" | "denied"): Part[] {
  const reviewer = name(event.reviewer);
  return reviewer
    ? [reviewer, ` ${how} `, ...request(event, "the"), ...lasting(event), "."]
    : [...request(event, "The"), ...lasting(event), ` was ${how}.`];
}

/** " for 4 h", or nothing. */
export function lasting(event: EventPayload): Part[] {
  const text = duration(event.duration_seconds);
  return text ? [" for ", { name: text }] : [];
}

/** The end with words before it, or nothing. */
export function by(event: EventPayload, before: string): Part[] {
  const end = parseTime(event.expires_at);
  return end ? [before, end] : [];
}

/** " until ...", else " for 4 h", or nothing. */
export function untilOrLasting(event: EventPayload): Part[] {
  const end = by(event, " until ");
  return end.length > 0 ? end : lasting(event);
}
