import { mkdirSync } from "node:fs";
import { join } from "node:path";
import { Migrator } from "@mikro-orm/migrations";
import { type PgliteDriver, MikroORM as PgliteOrm } from "@mikro-orm/pglite";
import { type PostgreSqlDriver, MikroORM as PostgresOrm } from "@mikro-orm/postgresql";
import type { Pool } from "pg";
import type { Logger } from "pino";
import { arrayLiteral } from "./array-literal.ts";
import { entities } from "./entities.ts";
import { openKeptPlanPool } from "./kept-plans.ts";
import { listenOnPool } from "./listen.ts";
import { InitialMigration } from "./migrations/0001-initial.ts";
import { AuditMigration } from "./migrations/0002-audit.ts";
import { TenantSettingsMigration } from "./migrations/0003-tenant-settings.ts";
import { OperationsMigration } from "./migrations/0004-operations.ts";
import { ObservabilityMigration } from "./migrations/0005-observability.ts";

/**
 * The one way to the database: MikroORM for what people configure and read, plain
 * SQL for the queue. PostgreSQL and the embedded PGlite answer alike.
 */
export interface Database {
  orm: Orm;
  /** True when the database is PGlite, which only this process can reach. */
  embedded: boolean;
  /**
   * Runs one statement, which is one transaction. Arrays become PostgreSQL arrays.
   * `name` keeps it as a prepared statement. Rejects with the driver's error.
   */
  query<Row>(statement: Statement, params?: unknown[]): Promise<Row[]>;
  /** Calls back for every NOTIFY on `topic`, and once after each reconnect, since some may have been missed. */
  listen(topic: string, onNotify: (payload: string) => void): Promise<{ close(): Promise<void> }>;
  /** How the pool of connections is used now; undefined where the database is embedded. */
  pool(): { total: number; idle: number; waiting: number } | undefined;
  /** Resolves when the database answers. */
  ping(): Promise<void>;
  /** Runs `work` while no other process does so; for what happens once at start. */
  exclusively<Result>(work: () => Promise<Result>): Promise<Result>;
  close(): Promise<void>;
}

export type Orm = PostgresOrm | PgliteOrm;

/** SQL that runs often enough to be worth a name. */
export interface Statement {
  name: string;
  text: string;
  /**
   * True: planned once on each connection and for all parameters, for what runs with
   * every batch: planning it anew would cost more than carrying it out. The statement
   * must leave the planner no choice (see kept-plans.ts). Without it, a statement is
   * planned for the parameters at hand.
   */
  keepPlan?: true;
}

export interface DatabaseOptions {
  /** A postgres:// URL; absent: PGlite in `dataDir`. */
  databaseUrl?: string | undefined;
  dataDir: string;
  /** Connections to PostgreSQL at the most. */
  poolSize: number;
  /** How long a call may take, default 15,000: no statement keeps one waiting for longer. */
  requestTimeoutMs?: number;
  log: Logger;
}

// Any number will do that others who use the database are unlikely to choose.
const startLock = 7_041_776;

/** Another process may be migrating a large table meanwhile. */
const lockTimeoutMs = 600_000;

export async function openDatabase(options: DatabaseOptions): Promise<Database> {
  return options.databaseUrl === undefined
    ? openEmbedded(options)
    : openPostgres(options, options.databaseUrl);
}

/** Brings the schema up to date. Answers the names of the migrations that were run. */
export async function migrate(database: Database): Promise<string[]> {
  const done = await database.exclusively(() => database.orm.migrator.up());
  return done.map(({ name }) => name);
}

function commonOptions(log: Logger) {
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

async function openEmbedded({ dataDir, log }: DatabaseOptions): Promise<Database> {
  mkdirSync(dataDir, { recursive: true, mode: 0o700 });
  const orm = await PgliteOrm.init<PgliteDriver>({
    ...commonOptions(log),
    dbName: join(dataDir, "postgres"),
  });
  const pglite = await (orm.em.getDriver() as PgliteDriver).getConnection().getNativeClient();
  return {
    orm,
    embedded: true,
    query: async <Row>({ text }: Statement, params: unknown[] = []) =>
      (await pglite.query<Row>(text, params)).rows,
    listen: async (topic, onNotify) => {
      const unlisten = await pglite.listen(topic, onNotify);
      return { close: () => unlisten() };
    },
    pool: () => undefined,
    ping: async () => void (await pglite.query("select 1")),
    exclusively: (work) => work(),
    close: () => orm.close(true),
  };
}

async function openPostgres(
  { poolSize, requestTimeoutMs = 15_000, log }: DatabaseOptions,
  databaseUrl: string,
): Promise<Database> {
  const orm = await PostgresOrm.init<PostgreSqlDriver>({
    ...commonOptions(log),
    clientUrl: databaseUrl,
    ensureDatabase: false,
    // One connection more: LISTEN keeps one for itself.
    pool: { min: 1, max: Math.ceil(poolSize / 2) + 1 },
    driverOptions: {
      application_name: "jitsudo-notifications",
      // Together within the deadline of a call, which then says that the database is away.
      connectionTimeoutMillis: Math.min(5_000, requestTimeoutMs * 0.3),
      query_timeout: Math.min(10_000, requestTimeoutMs * 0.6),
      keepAlive: true,
      // Tables grow from nothing to millions of rows. A plan that is kept from an empty
      // one reads it from end to end, and compiling one costs more than it.
      options: "-c plan_cache_mode=force_custom_plan -c jit=off",
    },
  });
  const pool = await (orm.em.getDriver() as PostgreSqlDriver).getConnection().getNativeClient();
  const keptPlans = openKeptPlanPool(pool, Math.max(1, Math.floor(poolSize / 2)), log);
  const pools = [pool, keptPlans];
  const sum = (count: (pool: Pool) => number) => pools.reduce((total, each) => total + count(each), 0);
  return {
    orm,
    embedded: false,
    query: async <Row>({ name, text, keepPlan }: Statement, params: unknown[] = []) => {
      const values = params.map((param) => (Array.isArray(param) ? arrayLiteral(param) : param));
      return (await (keepPlan ? keptPlans : pool).query({ name, text, values })).rows as Row[];
    },
    listen: (topic, onNotify) => listenOnPool(pool, topic, onNotify, log),
    pool: () => ({
      total: sum((each) => each.totalCount),
      idle: sum((each) => each.idleCount),
      waiting: sum((each) => each.waitingCount),
    }),
    ping: async () => void (await pool.query("select 1")),
    exclusively: async (work) => {
      const connection = await pool.connect();
      try {
        const lock = {
          text: "select pg_advisory_lock($1)",
          values: [startLock],
          query_timeout: lockTimeoutMs,
        };
        await connection.query(lock);
        return await work();
      } finally {
        // Closing the connection gives the lock back, whatever happened.
        connection.release(true);
      }
    },
    async close() {
      await Promise.all([keptPlans.end(), orm.close(true)]);
    },
  };
}
