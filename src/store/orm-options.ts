import type { MigrationObject } from "@mikro-orm/core";
import { Migration, Migrator } from "@mikro-orm/migrations";
import type { Logger } from "pino";
import type { Orm } from "./database.ts";
import { entities } from "./entities.ts";
import { initial } from "./migrations/0001-initial.ts";
import { audit } from "./migrations/0002-audit.ts";
import { tenantSettings } from "./migrations/0003-tenant-settings.ts";
import { operations } from "./migrations/0004-operations.ts";
import { observability } from "./migrations/0005-observability.ts";
import { oneReplay } from "./migrations/0006-one-replay.ts";

/** What MikroORM is told alike for both databases. */
export function ormOptions(log: Logger) {
  return {
    entities,
    extensions: [Migrator],
    discovery: { warnWhenNoEntities: false },
    migrations: {
      migrationsList: [
        migration("0001-initial", initial),
        migration("0002-audit", audit),
        migration("0003-tenant-settings", tenantSettings),
        migration("0004-operations", operations),
        migration("0005-observability", observability),
        migration("0006-one-replay", oneReplay),
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

/** Answers the names of the migrations that were run. */
export async function runMigrations(orm: Orm): Promise<string[]> {
  return (await orm.migrator.up()).map(({ name }) => name);
}

/** Runs the statements in their order, all or none. */
function migration(name: string, statements: string[]): MigrationObject {
  class Statements extends Migration {
    override up(): void {
      for (const statement of statements) this.addSql(statement);
    }
  }
  return { name, class: Statements };
}
