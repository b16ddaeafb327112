import type { IngestEventRequest } from "../../gen/jitsudo/notifications/v1/event_pb.js";
import { eventTypes } from "../events.ts";

/**
 * Whether an event is so plain that none of its proto's rules can object to it, as
 * almost all events are: asking the rules themselves costs many times as much. The rules
 * stay in event.proto. False means no more than that they have to be asked, and a
 * property test holds the two together.
 */
export function isPlainEvent(event: IngestEventRequest): boolean {
  return (
    types.has(event.type) &&
    plainId.test(event.idempotencyKey) &&
    plainId.test(event.requestId) &&
    plainId.test(event.grantId) &&
    event.requester.length <= 255 &&
    event.reviewer.length <= 255 &&
    event.resourceType.length <= 255 &&
    event.resourceId.length <= 255 &&
    event.permissionSetArn.length <= 255 &&
    event.durationSeconds >= 0 &&
    event.justification.length <= 4096 &&
    event.reason.length <= 4096 &&
    plainUrl.test(event.url) &&
    event.deliverBefore === undefined
  );
}

const types: ReadonlySet<string> = new Set(eventTypes);
const plainId = /^[ -~]{0,255}$/;
const plainUrl = /^(?:https?:\/\/[\w\-.~:/?#@!$&'()*+,;=%]{1,1024})?$/;
