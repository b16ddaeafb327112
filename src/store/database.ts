import type { MikroORM as PgliteOrm } from "@mikro-orm/pglite";
import type { MikroORM as PostgresOrm } from "@mikro-orm/postgresql";
import type { Logger } from "pino";
import { openEmbedded } from "./embedded/embedded.ts";
import { openPostgres } from "./postgres.ts";

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
  /** How many statements that callers wait for may run at once and leave others what they need. */
  tenantSlots: number;
  /** Resolves when the database answers. */
  ping(): Promise<void>;
  /** Brings the schema up to date, as the only process that does so. Answers the names of the migrations that were run. */
  migrate(): Promise<string[]>;
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
   * True: planned once on each connection and for all parameters, by nested loops over
   * indexes. For what runs with every batch, where planning anew would cost more than
   * carrying out, and for what the statistics of a queue that was empty a moment ago would
   * have read it from end to end. The statement must leave the planner no choice (see
   * kept-plans.ts). Without it, a statement is planned for the parameters at hand.
   */
  keepPlan?: true;
}

export interface DatabaseOptions {
  /** A postgres:// URL; absent: PGlite in `dataDir`. */
  databaseUrl?: string | undefined;
  dataDir: string;
  /** Connections to PostgreSQL for statements at the most, at least 2; LISTEN has one more. */
  poolSize: number;
  /** How long a call may take, default 15,000: no statement keeps one waiting for longer. */
  requestTimeoutMs?: number;
  /**
   * How often the embedded database's changed tables are vacuumed and its log is cut off,
   * default 300,000. Busy tables are vacuumed 60 times as often.
   */
  maintenanceEveryMs?: number;
  log: Logger;
}

export async function openDatabase(options: DatabaseOptions): Promise<Database> {
  return options.databaseUrl === undefined
    ? openEmbedded(options)
    : openPostgres(options, options.databaseUrl);
}
