import type { EntityManager } from "@mikro-orm/core";
import { uuidv7 } from "../uuid-v7.ts";
import type { Database } from "./database.ts";
import { AuditEvent, type AuditEventRow, entitiesOf } from "./entities.ts";

/** Who makes a change, and from where. */
export interface Actor {
  /** "service": the service itself, at its first start. */
  type: AuditEventRow["actorType"];
  /** The id of the key, where there is one. */
  id?: string;
  clientAddress?: string;
  requestId?: string;
}

/** What was changed; `fields` are names, never values. */
export type AuditEntry = Pick<AuditEventRow, "action" | "resourceType" | "resourceId" | "fields">;

/**
 * Writes an entry in the transaction of `em`, so that there is no change without
 * its entry and no entry without its change. `tenantId` null: nobody's in particular.
 */
export async function recordChange(
  em: EntityManager,
  tenantId: string | null,
  by: Actor,
  entry: AuditEntry,
): Promise<void> {
  await em.insert(AuditEvent, {
    ...entry,
    id: uuidv7(),
    tenantId,
    occurredAt: new Date(),
    actorType: by.type,
    actorId: by.id ?? null,
    clientAddress: by.clientAddress ?? null,
    requestId: by.requestId ?? null,
  });
}

export interface AuditPage {
  /** List what is older than this id. */
  beforeId: string | undefined;
  limit: number;
  resourceType: AuditEventRow["resourceType"] | undefined;
  resourceId: string | undefined;
}

/** A page of one tenant's audit trail, newest first. */
export function listAuditEvents(
  database: Database,
  tenantId: string,
  { beforeId, limit, resourceType, resourceId }: AuditPage,
): Promise<AuditEventRow[]> {
  const where = {
    ...(beforeId && { id: { $lt: beforeId } }),
    ...(resourceType && { resourceType }),
    ...(resourceId && { resourceId }),
  };
  return entitiesOf(database, tenantId).find(AuditEvent, where, { orderBy: { id: "desc" }, limit });
}
