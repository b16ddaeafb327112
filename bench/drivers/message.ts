import type { MessageInitShape } from "@bufbuild/protobuf";
import type {
  IngestEventRequestSchema,
  IngestEventResult,
} from "../../gen/jitsudo/notifications/v1/event_pb.js";
import type { BenchEvent } from "../event.ts";

/** The event as a gRPC client writes it. */
export function messageOf(event: BenchEvent): MessageInitShape<typeof IngestEventRequestSchema> {
  return {
    type: event.type,
    requestId: event.request_id,
    requester: event.requester,
    resourceType: event.resource_type,
    resourceId: event.resource_id,
    permissionSetArn: event.permission_set_arn,
    durationSeconds: event.duration_seconds,
    justification: event.justification,
    url: event.url,
  };
}

/** Throws when an event was refused. */
export function checkAccepted(results: IngestEventResult[]): void {
  for (const { result } of results) {
    if (result.case !== "accepted") throw new Error(`refused: ${result.value?.message}`);
  }
}
