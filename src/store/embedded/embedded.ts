import { mkdirSync } from "node:fs";
import { join } from "node:path";
import { type PgliteDriver, MikroORM as PgliteOrm } from "@mikro-orm/pglite";
import pg from "pg";
import { arrayLiteral } from "../array-literal.ts";
import type { Database, DatabaseOptions, Statement } from "../database.ts";
import { keptPlanSettings } from "../kept-plans.ts";
import { ormOptions } from "../orm-options.ts";
import { startThread, type ThreadClient } from "./thread-client.ts";

/** PostgreSQL's own default for `checkpoint_timeout`. */
const maintenanceEveryMs = 300_000;

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
    ping: async () => void (await client.query("select 1")),
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
    }
    await preparation;
    const results = await client.exec(`${settings}execute ${name}(${params.map(literal).join(",")})`);
    return results.at(-1)?.rows ?? [];
  };
}

function literal(param: unknown): string {
  if (param === null || param === undefined) return "null";
  return pg.escapeLiteral(Array.isArray(param) ? arrayLiteral(param) : String(param));
}

/**
 * Does what PostgreSQL has background processes for, of which PGlite starts none: without
 * checkpoints the log grows as long as the process runs, without vacuum the tables do, and
 * scans pass by more and more of the rows that went.
 */
function startMaintenance(client: ThreadClient, { log, ...options }: DatabaseOptions) {
  const everyMs = options.maintenanceEveryMs ?? maintenanceEveryMs;
  let running = Promise.resolve();

  async function forEachTable(choice: string, work: string): Promise<void> {
    const { rows } = await client.query<{ name: string }>(choice);
    for (const { name } of rows) await client.exec(`${work} ${name}`);
  }

  async function maintain(): Promise<void> {
    await forEachTable(changedTables, "vacuum (analyze)");
    await client.exec("checkpoint");
  }

  /** One at a time. */
  function run(work: () => Promise<void>): void {
    running = running
      .then(work)
      .catch((error: Error) =>
        log.error({ err: error.message }, "cannot maintain the embedded database, trying again"),
      );
  }

  const timers = [
    setInterval(run, everyMs / 60, () => forEachTable(busyTables, "vacuum")),
    setInterval(run, everyMs, maintain),
  ];

  return {
    close(): Promise<void> {
      for (const timer of timers) clearInterval(timer);
      return running;
    },
  };
}

/* By the rules of autovacuum, as are those below: `autovacuum_vacuum_scale_factor`. */
const busyTables = `
  select relid::regclass::text as name from pg_stat_user_tables
  where n_dead_tup > 1000 + 0.2 * n_live_tup`;

/*
 * Also those whose oldest rows have to be frozen before transaction ids start again
 * (`vacuum_freeze_table_age`). Tables of large values go with those they belong to.
 */
const changedTables = `
  select relid::regclass::text as name from pg_stat_all_tables s join pg_class c on c.oid = s.relid
  where s.schemaname <> 'pg_toast'
    and (n_dead_tup > 50 + 0.2 * n_live_tup or n_ins_since_vacuum > 1000 + 0.2 * n_live_tup
      or n_mod_since_analyze > 50 + 0.1 * n_live_tup or age(c.relfrozenxid) > 150000000)`;
