import type { Batcher } from "../batcher.ts";
import { type AuditLog, createAuditLog } from "./audit.ts";
import { type ChannelStore, createChannelStore } from "./channel-store.ts";
import type { Database } from "./database.ts";
import { createDeliveryLog, type DeliveryLog } from "./delivery-log.ts";
import { createIngest, type Ingested, type NewEvent } from "./ingest.ts";
import type { SecretBox } from "./secret-box.ts";
import { createTenantSettingsStore, type TenantSettingsStore } from "./tenant-settings-store.ts";

/** What answers callers: access to the rows of one tenant at a time, and no other access. */
export interface Store {
  forTenant(tenantId: string): TenantStore;
}

export interface TenantStore {
  channels: ChannelStore;
  deliveries: DeliveryLog;
  audit: AuditLog;
  settings: TenantSettingsStore;
  /** Stores an event with its deliveries; committed when the promise resolves. */
  ingest(event: Omit<NewEvent, "tenantId">): Promise<Ingested>;
}

export function createStore(database: Database, box: SecretBox): Store {
  const ingest: Batcher<NewEvent, Ingested> = createIngest(database);
  return {
    forTenant: (tenantId) => ({
      channels: createChannelStore(database, box, tenantId),
      deliveries: createDeliveryLog(database, tenantId),
      audit: createAuditLog(database, tenantId),
      settings: createTenantSettingsStore(database, tenantId),
      ingest: (event) => ingest.add({ ...event, tenantId }),
    }),
  };
}
