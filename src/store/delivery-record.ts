import type { ChannelType } from "../channels/channel.ts";
import type { NoticeType } from "../events.ts";
import type { DeliveryState } from "./entities.ts";

/** One delivery as readers see it. */
export interface DeliveryRecord {
  id: string;
  eventId: string;
  eventType: NoticeType;
  /** The request that the event is about. */
  requestId: string | null;
  channelId: string;
  channelType: ChannelType;
  state: DeliveryState;
  attempts: number;
  duplicateOf: string | null;
  lastError: string | null;
  createdAt: Date;
  /** While it is open: not attempted before this time. */
  nextAttemptAt: Date | undefined;
  completedAt: Date | undefined;
  /** Where it was made by a replay: that replay, and the delivery that it repeats if there was one. */
  replayId: string | null;
  replayOf: string | null;
}

/** The row that `deliveryColumns` selects. */
export interface DeliveryColumns extends Omit<DeliveryRecord, "createdAt" | "nextAttemptAt" | "completedAt"> {
  createdAt: string;
  nextAttemptAt: string | null;
  completedAt: string | null;
}

/**
 * Of `delivery d`, its `channel c` and its `delivery_queue q`, if it is still there:
 * which of the open deliveries a worker holds is known to the queue alone.
 */
export const deliveryColumns = `d.id, d.event_id as "eventId", d.event_type as "eventType",
  (select e.request_id from event e where e.id = d.event_id) as "requestId", d.channel_id as "channelId", c.type as "channelType",
  case when q.lease_until is not null then 'delivering' else d.state end as state,
  coalesce(q.attempts, d.attempts) as attempts, d.duplicate_of as "duplicateOf", d.last_error as "lastError",
  d.created_at as "createdAt", q.not_before as "nextAttemptAt", d.completed_at as "completedAt",
  d.replay_id as "replayId", d.replay_of as "replayOf"`;

export function deliveryRecord(row: DeliveryColumns): DeliveryRecord {
  return {
    ...row,
    createdAt: new Date(row.createdAt),
    nextAttemptAt: row.nextAttemptAt === null ? undefined : new Date(row.nextAttemptAt),
    completedAt: row.completedAt === null ? undefined : new Date(row.completedAt),
  };
}
