import type { EventPayload } from "../events.ts";
import { resource } from "./facts.ts";
import { oneLine, truncate } from "./plain-text.ts";

/** Longest requester or resource in a headline, in characters. */
const maxNameLength = 60;

/**
 * What a notice is about, on one line and the same for every event of a request:
 * "alice on AWS account 123 (req-7)". Safe as a header value by itself: no line
 * breaks, control characters or half surrogate pairs.
 */
export function subjectMatter(event: EventPayload): string {
  const names = [oneLine(event.requester, maxNameLength), oneLine(resource(event), maxNameLength)]
    .filter(Boolean)
    .join(" on ");
  const id = truncate(oneLine(event.request_id || event.grant_id), maxNameLength);
  const nothing = event.type.startsWith("grant.") ? "access grant" : "access request";
  return id ? `${names || nothing} (${id})` : names || nothing;
}
