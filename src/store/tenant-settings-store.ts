import { LockMode } from "@mikro-orm/core";
import type { StoredSettings } from "../channels/tenant-settings.ts";
import { snakeCase } from "../snake-case.ts";
import { type Actor, recordChange } from "./audit.ts";
import type { Database } from "./database.ts";
import { entitiesOf, TenantSettings, type TenantSettingsRow } from "./entities.ts";
import { laterThan } from "./later-than.ts";

/** The settings to change; null puts one back to its default. */
export type SettingsChange = StoredSettings;

export type TenantSettingsStore = ReturnType<typeof createTenantSettingsStore>;

/** The settings of one tenant, and of no other. */
export function createTenantSettingsStore(database: Database, tenantId: string) {
  const entityManager = () => entitiesOf(database, tenantId);

  return {
    /** Answers undefined when nothing was ever set. */
    async get(): Promise<TenantSettingsRow | undefined> {
      return (await entityManager().findOne(TenantSettings, { tenantId })) ?? undefined;
    },

    /** Two updates at the same time do not undo each other. */
    async update(change: SettingsChange, by: Actor): Promise<TenantSettingsRow> {
      return entityManager().transactional(async (em) => {
        await em.upsert(TenantSettings, { tenantId, updatedAt: new Date() }, { onConflictAction: "ignore" });
        const lock = { lockMode: LockMode.PESSIMISTIC_WRITE, refresh: true } as const;
        const row = await em.findOneOrFail(TenantSettings, { tenantId }, lock);
        const fields = changedNames(row, change);
        em.assign(row, { ...change, updatedAt: laterThan(row.updatedAt) });
        await recordChange(em, tenantId, by, {
          action: "updated",
          resourceType: "tenant_settings",
          resourceId: tenantId,
          fields,
        });
        return row;
      });
    },
  };
}

/** As the API names them. */
function changedNames(row: TenantSettingsRow, change: SettingsChange): string[] {
  const names = Object.keys(change) as (keyof SettingsChange)[];
  return names.filter((name) => change[name] !== (row[name] ?? null)).map(snakeCase);
}
