import { create } from "@bufbuild/protobuf";
import { timestampFromDate } from "@bufbuild/protobuf/wkt";
import type { ServiceImpl } from "@connectrpc/connect";
import {
  type AuditEvent,
  AuditEventSchema,
  type AuditService,
} from "../../gen/jitsudo/notifications/v1/audit_pb.js";
import type { AuditPage } from "../store/audit.ts";
import type { AuditEventRow } from "../store/entities.ts";
import type { Store } from "../store/store.ts";
import { storeOf } from "./caller.ts";
import { cutPage, pageRequest } from "./page.ts";

export function createAuditService(store: Store): ServiceImpl<typeof AuditService> {
  return {
    async listAuditEvents(request, context) {
      const { size, after } = pageRequest(request);
      const events = await storeOf(store, context).auditEvents({
        beforeId: after,
        limit: size + 1,
        resourceType: (request.resourceType || undefined) as AuditPage["resourceType"],
        resourceId: request.resourceId || undefined,
      });
      const { items, next } = cutPage(events, size);
      return { auditEvents: items.map(toMessage), nextPageToken: next };
    },
  };
}

function toMessage(event: AuditEventRow): AuditEvent {
  return create(AuditEventSchema, {
    id: event.id,
    occurredAt: timestampFromDate(event.occurredAt),
    actorType: event.actorType,
    actorId: event.actorId ?? "",
    action: event.action,
    resourceType: event.resourceType,
    resourceId: event.resourceId,
    fields: event.fields,
    clientAddress: event.clientAddress ?? "",
    requestId: event.requestId ?? "",
  });
}
