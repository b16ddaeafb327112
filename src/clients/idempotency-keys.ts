import { create, type DescMethod, type MessageInitShape } from "@bufbuild/protobuf";
import {
  EventIngestService,
  type IngestEventRequestSchema,
  IngestEventsRequestSchema,
} from "../../gen/jitsudo/notifications/v1/event_pb.js";

/** An event as it is sent. */
export type EventInit = MessageInitShape<typeof IngestEventRequestSchema>;

/** The event with an idempotency key, its own or a new one: it can then be sent twice and is taken once. */
export function withIdempotencyKey(event: EventInit): EventInit {
  return event.idempotencyKey ? event : { ...event, idempotencyKey: crypto.randomUUID() };
}

/** A request of an ingest method with a key in every event; of any other method as it is. */
export function withIdempotencyKeys<Request>(method: DescMethod, request: Request): Request {
  if (method.parent.typeName !== EventIngestService.typeName) return request;
  if (method.localName === "ingestEvent") {
    return withIdempotencyKey(request as EventInit) as Request;
  }
  if (method.localName === "ingestEvents") {
    const { events } = create(
      IngestEventsRequestSchema,
      request as MessageInitShape<typeof IngestEventsRequestSchema>,
    );
    return { events: events.map(withIdempotencyKey) } as Request;
  }
  return request;
}
