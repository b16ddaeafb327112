import { Migrator } from "@mikro-orm/migrations";
import type { Logger } from "pino";
import { entities } from "./entities.ts";
import { InitialMigration } from "./migrations/0001-initial.ts";
import { AuditMigration } from "./migrations/0002-audit.ts";
import { TenantSettingsMigration } from "./migrations/0003-tenant-settings.ts";
import { OperationsMigration } from "./migrations/0004-operations.ts";
import { ObservabilityMigration } from "./migrations/0005-observability.ts";

/** What MikroORM is told alike for both databases. */
export function ormOptions(log: Logger) {
  return {
    entities,
    extensions: [Migrator],
    discovery: { warnWhenNoEntities: false },
    migrations: {
      migrationsList: [
        { name: "0001-initial", class: InitialMigration },
        { name: "0002-audit", class: AuditMigration },
        { name: "0003-tenant-settings", class: TenantSettingsMigration },
        { name: "0004-operations", class: OperationsMigration },
        { name: "0005-observability", class: ObservabilityMigration },
      ],
      tableName: "migration",
      snapshot: false,
      silent: true,
      allOrNothing: true,
    },
    logger: (message: string) => log.warn(message),
    colors: false,
  };
}
