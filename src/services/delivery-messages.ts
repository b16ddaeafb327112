import { create, type JsonObject } from "@bufbuild/protobuf";
import { timestampFromDate } from "@bufbuild/protobuf/wkt";
import { type SentRequest, SentRequestSchema } from "../../gen/jitsudo/notifications/v1/channel_pb.js";
import {
  type Attempt,
  AttemptSchema,
  type Delivery,
  DeliverySchema,
  type Event,
  EventSchema,
} from "../../gen/jitsudo/notifications/v1/delivery_pb.js";
import type { SentRequest as Sent } from "../channels/channel.ts";
import type { AttemptView } from "../store/delivery-log.ts";
import type { DeliveryRecord } from "../store/delivery-record.ts";
import type { EventRow } from "../store/entities.ts";

export function deliveryMessage(delivery: DeliveryRecord, attempts: AttemptView[] = []): Delivery {
  return create(DeliverySchema, {
    id: delivery.id,
    eventId: delivery.eventId,
    eventType: delivery.eventType,
    requestId: delivery.requestId ?? "",
    channelId: delivery.channelId,
    channelType: delivery.channelType,
    state: delivery.state,
    attemptCount: delivery.attempts,
    duplicateOf: delivery.duplicateOf ?? "",
    lastError: delivery.lastError ?? "",
    createdAt: timestampFromDate(delivery.createdAt),
    ...(delivery.nextAttemptAt && { nextAttemptAt: timestampFromDate(delivery.nextAttemptAt) }),
    ...(delivery.completedAt && { completedAt: timestampFromDate(delivery.completedAt) }),
    attempts: attempts.map(attemptMessage),
    replayId: delivery.replayId ?? "",
    replayOf: delivery.replayOf ?? "",
  });
}

function attemptMessage(attempt: AttemptView): Attempt {
  return create(AttemptSchema, {
    number: attempt.number,
    startedAt: timestampFromDate(attempt.startedAt),
    durationMs: attempt.durationMs,
    outcome: attempt.outcome,
    ...(attempt.statusCode && { statusCode: attempt.statusCode }),
    response: attempt.response ?? "",
    error: attempt.error ?? "",
    ...(attempt.request && { request: sentMessage(attempt.request) }),
  });
}

export function sentMessage({ method, target, names, bytes, sha256 }: Sent): SentRequest {
  return create(SentRequestSchema, { method, target, names, sizeBytes: bytes, sha256 });
}

export function eventMessage(event: EventRow): Event {
  return create(EventSchema, {
    id: event.id,
    type: event.type,
    receivedAt: timestampFromDate(event.receivedAt),
    idempotencyKey: event.idempotencyKey ?? "",
    payload: JSON.parse(event.payload) as JsonObject,
    payloadHash: event.payloadHash,
  });
}
