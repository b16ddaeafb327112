import { type AuditLog, createAuditLog } from "./audit.ts";
import { createChangeFeed, type TenantChanges } from "./change-feed.ts";
import { type ChannelStore, createChannelStore } from "./channel-store.ts";
import type { Database } from "./database.ts";
import { createDeliveryLog, type DeliveryLog } from "./delivery-log.ts";
import { createIngest, type Ingested, type IngestOptions, type NewEvent } from "./ingest.ts";
import { createOwnKeyReader, type OwnKeyReader } from "./own-key.ts";
import { createQueueStatusReader, type QueueStatusReader } from "./queue-status.ts";
import { createReplayStore, type ReplayStore } from "./replays.ts";
import type { SecretBox } from "./secret-box.ts";
import { createStatistics, type Statistics } from "./statistics.ts";
import { createTenantSettingsStore, type TenantSettingsStore } from "./tenant-settings-store.ts";

/** What answers callers: access to the rows of one tenant at a time, and no other access. */
export interface Store {
  forTenant(tenantId: string): TenantStore;
  /** Ends what goes on for as long as its caller wants. */
  close(): Promise<void>;
}

export interface TenantStore {
  channels: ChannelStore;
  deliveries: DeliveryLog;
  changes: TenantChanges;
  replays: ReplayStore;
  statistics: Statistics;
  queue: QueueStatusReader;
  audit: AuditLog;
  settings: TenantSettingsStore;
  ownKey: OwnKeyReader;
  /** Stores an event with its deliveries; committed when the promise resolves. */
  ingest(event: Omit<NewEvent, "tenantId">): Promise<Ingested>;
  /** Whether so many more events may wait to be stored. */
  hasRoom(events: number): boolean;
}

export function createStore(database: Database, box: SecretBox, options: IngestOptions): Store {
  const ingest = createIngest(database, options);
  const changes = createChangeFeed(database);
  return {
    forTenant: (tenantId) => ({
      channels: createChannelStore(database, box, tenantId),
      deliveries: createDeliveryLog(database, tenantId),
      changes: changes.forTenant(tenantId),
      replays: createReplayStore(database, tenantId),
      statistics: createStatistics(database, tenantId),
      queue: createQueueStatusReader(database, tenantId),
      audit: createAuditLog(database, tenantId),
      settings: createTenantSettingsStore(database, tenantId),
      ownKey: createOwnKeyReader(database, tenantId),
      ingest: (event) => ingest.add({ ...event, tenantId }),
      hasRoom: (events) => ingest.hasRoom(tenantId, events),
    }),
    close: changes.close,
  };
}
