import { mkdirSync } from "node:fs";
import { join } from "node:path";
import { type PgliteDriver, MikroORM as PgliteOrm } from "@mikro-orm/pglite";
import { arrayLiteral } from "../array-literal.ts";
import type { Database, DatabaseOptions, Statement } from "../database.ts";
import { keptPlanSettings } from "../kept-plans.ts";
import { ormOptions, runMigrations } from "../orm-options.ts";
import { startMaintenance } from "./maintenance.ts";
import { startThread, type ThreadClient } from "./thread-client.ts";

/** PGlite in the data folder. */
export async function openEmbedded(options: DatabaseOptions): Promise<Database> {
  const { dataDir, log } = options;
  mkdirSync(dataDir, { recursive: true, mode: 0o700 });
  const client = await startThread(join(dataDir, "postgres"));
  const orm = await PgliteOrm.init<PgliteDriver>({
    ...ormOptions(log),
    dbName: "postgres",
    driverOptions: { pglite: client },
  });
  const execute = createExecute(client);
  const maintenance = startMaintenance(client, options);
  return {
    orm,
    embedded: true,
    query: async <Row>(statement: Statement, params: unknown[] = []) =>
      statement.keepPlan
        ? ((await execute(statement, params)) as Row[])
        : (await client.query<Row>(statement.text, params)).rows,
    listen: async (topic, onNotify) => {
      const stopListening = await client.listen(topic, onNotify);
      return { close: async () => stopListening() };
    },
    pool: () => undefined,
    tenantSlots: 2,
    ping: async () => void (await client.query("select 1")),
    migrate: () => runMigrations(orm),
    exclusively: (work) => work(),
    async close() {
      await maintenance.close();
      await orm.close(true);
      await client.close();
    },
  };
}

/**
 * Runs statements by plans that are kept. PGlite's own interface plans every statement anew,
 * which for these takes longer than carrying them out, so they are prepared in SQL. The settings
 * hold for the one transaction that a text of several statements is.
 */
function createExecute(client: ThreadClient) {
  const settings = keptPlanSettings.map((setting) => `set local ${setting.replace("=", " = ")};`).join("");
  const prepared = new Map<string, Promise<unknown>>();

  return async ({ name, text }: Statement, params: unknown[]): Promise<unknown[]> => {
    let preparation = prepared.get(name);
    if (!preparation) {
      preparation = client.exec(`prepare ${name} as ${text}`);
      prepared.set(name, preparation);
      // The next call tries again.
      preparation.catch(() => prepared.delete(name));
    }
    await preparation;
    const results = await client.exec(`${settings}execute ${name}(${params.map(literal).join(",")})`);
    return results.at(-1)?.rows ?? [];
  };
}

function literal(param: unknown): string {
  if (param === null || param === undefined) return "null";
  const text = (Array.isArray(param) ? arrayLiteral(param) : String(param)).replaceAll("'", "''");
  // The driver's own way, character by character, would hold the process up for seconds with large events.
  return text.includes("\\") ? ` E'${text.replaceAll("\\", "\\\\")}'` : `'${text}'`;
}
