import { type PostgreSqlDriver, MikroORM as PostgresOrm } from "@mikro-orm/postgresql";
import type { Pool } from "pg";
import { arrayLiteral } from "./array-literal.ts";
import { closeBrokenTransactions } from "./broken-transactions.ts";
import type { Database, DatabaseOptions, Statement } from "./database.ts";
import { openKeptPlanPool } from "./kept-plans.ts";
import { listenOnPool } from "./listen.ts";
import { ormOptions, runMigrations } from "./orm-options.ts";
import { assertSessions, setsOnConnect } from "./sessions.ts";

// Any number will do that others who use the database are unlikely to choose.
const startLock = 7_041_776;

/** Another process may be migrating a large table meanwhile. */
const lockTimeoutMs = 600_000;

/** A PostgreSQL server, reached by a pool of connections. */
export async function openPostgres(
  { poolSize, requestTimeoutMs = 15_000, log }: DatabaseOptions,
  databaseUrl: string,
): Promise<Database> {
  async function openOrm(driverOptions: object, max: number): Promise<{ orm: PostgresOrm; pool: Pool }> {
    const orm = await PostgresOrm.init<PostgreSqlDriver>({
      ...ormOptions(log),
      clientUrl: databaseUrl,
      ensureDatabase: false,
      pool: { min: 1, max },
      driverOptions: {
        application_name: "jitsudo-notifications",
        connectionTimeoutMillis: Math.min(5_000, requestTimeoutMs * 0.3),
        keepAlive: true,
        ...driverOptions,
      },
    });
    const pool = await (orm.em.getDriver() as PostgreSqlDriver).getConnection().getNativeClient();
    closeBrokenTransactions(pool);
    return { orm, pool };
  }

  const { orm, pool } = await openOrm(
    {
      // With the time for a connection within the deadline of a call, which then says that the database is away.
      query_timeout: Math.min(10_000, requestTimeoutMs * 0.6),
      // Tables grow from nothing to millions of rows. A plan that is kept from an empty
      // one reads it from end to end, and compiling one costs more than it.
      ...setsOnConnect(["plan_cache_mode=force_custom_plan", "jit=off"]),
    },
    // One connection more: LISTEN keeps one for itself.
    Math.ceil(poolSize / 2) + 1,
  );
  const keptPlans = openKeptPlanPool(pool, Math.max(1, Math.floor(poolSize / 2)), log);
  const pools = [pool, keptPlans];
  const sum = (count: (pool: Pool) => number) => pools.reduce((total, each) => total + count(each), 0);

  async function exclusively<Result>(work: () => Promise<Result>): Promise<Result> {
    const holder = await pool.connect();
    try {
      const lock = {
        text: "select pg_advisory_lock($1)",
        values: [startLock],
        query_timeout: lockTimeoutMs,
      };
      await holder.query(lock);
      return await work();
    } finally {
      // Closing the connection gives the lock back, whatever happened.
      holder.release(true);
    }
  }

  return {
    orm,
    embedded: false,
    async migrate() {
      // Before the lock, which is a session's as well and would be left behind.
      await assertSessions(pool);
      return exclusively(async () => {
        // Without a time-out for queries: an index of a large table takes what it takes.
        const migrating = await openOrm({}, 1);
        try {
          return await runMigrations(migrating.orm);
        } finally {
          await migrating.orm.close(true);
        }
      });
    },
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
    // One connection of the first pool stays free for keys, the workers' channels and health checks.
    tenantSlots: Math.max(1, Math.ceil(poolSize / 2) - 1),
    ping: async () => void (await pool.query("select 1")),
    exclusively,
    async close() {
      await Promise.all([keptPlans.end(), orm.close(true)]);
      // MikroORM leaves a pool alone that nobody has used by its own means.
      if (!pool.ending) await pool.end();
    },
  };
}
