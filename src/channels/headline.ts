import type { EventPayload } from "../events.ts";
import { resource } from "./facts.ts";
import { oneLine, truncate } from "./plain-text.ts";

/** Longest requester, resource or id in a headline, in characters. */
const maxNameLength = 60;

/** In less room than this one name tells more than two. */
const roomForTwo = 30;

/** And in less than this there is no use in any. */
const roomForOne = 10;

/** Draws a text in at most `max` of the characters that a headline may have. */
type Shorten = (text: string, max: number) => string;

/**
 * What a notice is about, on one line of at most `max` characters and the same for every
 * event of a request: "alice on AWS account 123 (req-7)". The names are cut, so that the id
 * is there. Safe as a header value by itself: no line breaks, control characters or half
 * surrogate pairs.
 */
export function subjectMatter(event: EventPayload, max: number, shorten: Shorten = truncate): string {
  const id = shorten(oneLine(event.request_id || event.grant_id), Math.min(maxNameLength, max));
  const mark = id && ` (${id})`;
  const nothing = event.type.startsWith("grant.") ? "access grant" : "access request";
  const room = max - mark.length;
  const names = room < roomForOne ? "" : namesOf(event, room, shorten);
  if (names) return names + mark;
  return nothing.length <= room ? nothing + mark : id;
}

function namesOf(event: EventPayload, room: number, shorten: Shorten): string {
  const who = shorten(oneLine(event.requester), maxNameLength);
  const whole = shorten(oneLine(resource(event)), maxNameLength);
  if (!who || !whole || room < roomForTwo) return shorten(who || whole, room);
  const both = room - " on ".length;
  // The type of the resource goes before anything of its id, which tells more.
  const fits = who.length + whole.length <= both;
  const where = fits ? whole : shorten(oneLine(event.resource_id), maxNameLength) || whole;
  // What one does not need is the other's.
  const first = shorten(who, Math.max(Math.floor(both / 2), both - where.length));
  return `${first} on ${shorten(where, both - first.length)}`;
}
