import { timestampDate, timestampFromDate } from "@bufbuild/protobuf/wkt";
import type { Delivery } from "../../../gen/jitsudo/notifications/v1/delivery_pb.js";

/** What the list of deliveries shows, as it stands in the address. Empty: does not narrow it. */
export interface DeliveryFilter {
  state: string;
  type: string;
  channel: string;
  request: string;
  event: string;
  /** RFC 3339. */
  since: string;
  until: string;
}

export const filterNames = ["state", "type", "channel", "request", "event", "since", "until"] as const;

export const states = [
  "pending",
  "delivering",
  "delivered",
  "failed",
  "deduplicated",
  "cancelled",
  "expired",
];

export function filterOf(query: URLSearchParams): DeliveryFilter {
  const entries = filterNames.map((name) => [name, query.get(name) ?? ""] as const);
  return Object.fromEntries(entries) as unknown as DeliveryFilter;
}

/** For ListDeliveries. */
export function listRequest({ state, type, channel, request, event, since, until }: DeliveryFilter) {
  return {
    state,
    eventType: type,
    channelId: channel,
    requestId: request,
    eventId: event,
    ...(isTime(since) && { since: timestampFromDate(new Date(since)) }),
    ...(isTime(until) && { until: timestampFromDate(new Date(until)) }),
  };
}

/** For WatchDeliveries: without the state, since what leaves a state is news as well. */
export function watchRequest({ type, channel, request, event }: DeliveryFilter) {
  return { eventType: type, channelId: channel, requestId: request, eventId: event };
}

/** The list with what has changed since: at its place, or on top when it is new. */
export function withChanges(
  list: Delivery[],
  changed: Delivery[],
  { state, since }: DeliveryFilter,
  isLastPage: boolean,
): Delivery[] {
  const byId = new Map(list.map((delivery) => [delivery.id, delivery]));
  const oldest = isLastPage ? undefined : list.at(-1)?.id;
  for (const delivery of changed) {
    const { id, createdAt } = delivery;
    const fits = state === "" || delivery.state === state;
    const isBefore = isTime(since) && createdAt && timestampDate(createdAt) < new Date(since);
    // Ids are UUIDv7, which are ordered by time: what is older belongs to another page.
    if (!fits) byId.delete(id);
    else if (!isBefore && (oldest === undefined || id >= oldest)) byId.set(id, delivery);
  }
  return [...byId.values()].sort((a, b) => (a.id < b.id ? 1 : -1)).slice(0, maxRows);
}

/** A page that stays open for a day does not grow for a day. */
export const maxRows = 200;

function isTime(text: string): boolean {
  return text !== "" && !Number.isNaN(Date.parse(text));
}
