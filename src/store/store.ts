import { type AuditPage, listAuditEvents } from "./audit.ts";
import { createChangeFeed, type TenantChanges } from "./change-feed.ts";
import { type ChannelStore, createChannelStore } from "./channel-store.ts";
import type { Database } from "./database.ts";
import { createDeliveryLog, type DeliveryLog } from "./delivery-log.ts";
import type { AuditEventRow } from "./entities.ts";
import { createIngest, type Ingested, type IngestOptions, type NewEvent } from "./ingest.ts";
import { type OwnKey, readOwnKey } from "./own-key.ts";
import { type QueueStatus, readQueueStatus } from "./queue-status.ts";
import { createReplayStore, type ReplayStore } from "./replays.ts";
import type { SecretBox } from "./secret-box.ts";
import { readStatistics, type StatisticsPoint, type StatisticsQuery } from "./statistics.ts";
import { createTenantSettingsStore, type TenantSettingsStore } from "./tenant-settings-store.ts";
import { createTenantTurns, eachInTurn } from "./tenant-turns.ts";

/** What answers callers: access to the rows of one tenant at a time, and no other access. */
export interface Store {
  /** `signal`: of the call, without which what has to wait for its turn is not carried out. */
  forTenant(tenantId: string, signal: AbortSignal): TenantStore;
  /** Ends what goes on for as long as its caller wants. */
  close(): Promise<void>;
}

export interface TenantStore {
  channels: ChannelStore;
  deliveries: DeliveryLog;
  changes: TenantChanges;
  replays: ReplayStore;
  settings: TenantSettingsStore;
  statistics(query: StatisticsQuery): Promise<StatisticsPoint[]>;
  queueStatus(): Promise<QueueStatus>;
  auditEvents(page: AuditPage): Promise<AuditEventRow[]>;
  ownKey(keyId: string): Promise<OwnKey | undefined>;
  /** Stores an event with its deliveries; committed when the promise resolves. */
  ingest(event: Omit<NewEvent, "tenantId">): Promise<Ingested>;
  /** What may not wait to be stored, with so many more events: "10000 events". Undefined: all may. */
  excess(events: number): string | undefined;
}

export function createStore(database: Database, box: SecretBox, options: IngestOptions): Store {
  const ingest = createIngest(database, options);
  const changes = createChangeFeed(database);
  const turnsOf = createTenantTurns(database.tenantSlots);
  return {
    forTenant(tenantId, signal) {
      const inTurn = turnsOf(tenantId, signal);
      // What callers wait for takes turns; events do by means of their own, and so do watches.
      return {
        get channels() {
          return eachInTurn(inTurn, createChannelStore(database, box, tenantId));
        },
        get deliveries() {
          return eachInTurn(inTurn, createDeliveryLog(database, tenantId));
        },
        get replays() {
          return eachInTurn(inTurn, createReplayStore(database, tenantId));
        },
        get settings() {
          return eachInTurn(inTurn, createTenantSettingsStore(database, tenantId));
        },
        statistics: (query) => inTurn(() => readStatistics(database, tenantId, query)),
        queueStatus: () => inTurn(() => readQueueStatus(database, tenantId)),
        auditEvents: (page) => inTurn(() => listAuditEvents(database, tenantId, page)),
        ownKey: (keyId) => inTurn(() => readOwnKey(database, tenantId, keyId)),
        changes: changes.forTenant(tenantId),
        ingest: (event) => ingest.add({ ...event, tenantId }),
        excess: (events) => ingest.excess(tenantId, events),
      };
    },
    close: changes.close,
  };
}
