import { eventTypes, type NoticeType } from "../../events.ts";

/** What each type of notice says. */
export const eventMeanings: Record<NoticeType, string> = {
  "request.pending": "A request waits for a review",
  "request.approved": "A request was approved",
  "request.denied": "A request was denied",
  "request.expired": "Nobody decided in time",
  "request.break_glass": "Emergency access was used",
  "grant.active": "Access is live",
  "grant.expiring_soon": "Access ends soon",
  "grant.expired": "Access has ended",
  "grant.revoked": "Access was taken away",
  "channel.disabled": "The service disabled a channel that kept failing",
};

/** The nine events, and last what the service tells about itself. */
export const noticeTypes: NoticeType[] = [...eventTypes, "channel.disabled"];
