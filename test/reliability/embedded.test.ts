import { existsSync } from "node:fs";
import { join } from "node:path";
import { pino } from "pino";
import { expect, test } from "vitest";
import { type Database, openDatabase } from "../../src/store/database.ts";
import { startThread } from "../../src/store/embedded/thread-client.ts";
import { startService } from "../support/service.ts";
import { withTempDir } from "../support/temp-dir.ts";
import { until } from "../support/until.ts";
import { preload } from "./support/preload.ts";

// The embedded database has one session for all, in a thread of its own, and no background processes
// that cut its log off and give room back.

const log = pino({ level: "silent" });

interface Size {
  table: number;
  /** Bytes of the log that a start after a crash would have to read. */
  log: number;
}

async function sizeOf(database: Database): Promise<Size> {
  const [size] = await database.query<Size>({
    name: "size",
    text: `select pg_relation_size('dedup_key')::int as table,
      (pg_current_wal_lsn() - checkpoint_lsn)::int as log from pg_control_checkpoint()`,
  });
  if (!size) throw new Error("No answer");
  return size;
}

test.for([
  ["the log is cut off and all removed rows give their room back", 200, 100, 100_000],
  ["many removed rows give their room back long before that", 60_000, 20_000, Number.POSITIVE_INFINITY],
] as const)("while it runs, %s", async ([_, maintenanceEveryMs, removed, maxLog]) => {
  await withTempDir(async (dataDir) => {
    const database = await openDatabase({ dataDir, poolSize: 1, maintenanceEveryMs, log });
    try {
      await database.migrate();
      await database.query(
        {
          name: "fill",
          text: "insert into dedup_key (key, value) select g::text, repeat('x', 500) from generate_series(1, $1::int) g",
        },
        [removed],
      );
      expect((await sizeOf(database)).table).toBeGreaterThan(removed * 500);
      await database.query({ name: "remove", text: "delete from dedup_key" });
      await until(async () => {
        const size = await sizeOf(database);
        return size.table === 0 && size.log < maxLog;
      });
    } finally {
      await database.close();
    }
  });
});

test("tables that do not change are left alone", async () => {
  await withTempDir(async (dataDir) => {
    const database = await openDatabase({ dataDir, poolSize: 1, maintenanceEveryMs: 200, log });
    const look = async () => {
      const text = `select analyze_count::int as analyzed, vacuum_count::int as vacuumed, checkpoint_lsn::text as checkpoint
        from pg_stat_user_tables, pg_control_checkpoint() where relname = 'dedup_key'`;
      const [row] = await database.query<{ analyzed: number; vacuumed: number; checkpoint: string }>({
        name: "look",
        text,
      });
      return row;
    };
    try {
      await database.migrate();
      const text = "insert into dedup_key (key, value) select g::text, '' from generate_series(1, 2000) g";
      await database.query({ name: "fill", text });
      const after = await until(async () => {
        const row = await look();
        return row?.analyzed ? row : undefined;
      });
      await until(async () => (await look())?.checkpoint !== after.checkpoint);
      const { checkpoint } = (await look()) ?? after;
      await until(async () => (await look())?.checkpoint !== checkpoint);
      expect(await look()).toMatchObject({ analyzed: after.analyzed, vacuumed: after.vacuumed });
    } finally {
      await database.close();
    }
  });
});

test("statements that come at the same time as a transaction stay out of it", async () => {
  await withTempDir(async (dataDir) => {
    const database = await openDatabase({ dataDir, poolSize: 1, log });
    try {
      await database.migrate();
      const insert = { name: "insert", text: "insert into dedup_key (key, value) values ($1, '')" };
      const works = Array.from({ length: 20 }, async (_, number) => {
        const rolledBack = database.orm.em.fork().transactional(async (em) => {
          await em.execute("insert into dedup_key (key, value) values (?, '')", [`rolled back ${number}`]);
          await em.execute("select 1");
          throw new Error("undo");
        });
        await Promise.all([
          expect(rolledBack).rejects.toThrow("undo"),
          database.query(insert, [`kept ${number}`]),
          database.orm.em
            .fork()
            .transactional((em) =>
              em.execute("insert into dedup_key (key, value) values (?, '')", [`committed ${number}`]),
            ),
        ]);
      });
      await Promise.all(works);
      const rows = await database.query<{ kind: string; count: number }>({
        name: "count",
        text: "select rtrim(key, ' 0123456789') as kind, count(*)::int from dedup_key group by 1 order by 1",
      });
      expect(rows).toEqual([
        { kind: "committed", count: 20 },
        { kind: "kept", count: 20 },
      ]);
    } finally {
      await database.close();
    }
  });
});

test("transactions and statements that begin in the same moment come one after the other", async () => {
  await withTempDir(async (dataDir) => {
    const client = await startThread(join(dataDir, "postgres"));
    try {
      await client.exec("create table word (text text)");
      const insert = (text: string) => `insert into word values ('${text}')`;
      await Promise.allSettled([
        client.transaction(async (transaction) => {
          await transaction.query(insert("rolled back"));
          throw new Error("undo");
        }),
        client.query(insert("kept by query")),
        client.exec(insert("kept by exec")),
        client.transaction((transaction) => transaction.query(insert("committed"))),
      ]);
      const { rows } = await client.query("select text from word order by text");
      expect(rows).toEqual([{ text: "committed" }, { text: "kept by exec" }, { text: "kept by query" }]);
    } finally {
      await client.close();
    }
  });
});

test("of two processes that start on one folder at the same time, one gets it", async () => {
  await withTempDir(async (dataDir) => {
    const removing = join(dataDir, "removing");
    const first = startService({ dataDir, env: { ...preload("slow-removal"), REMOVING: removing } });
    await until(() => existsSync(removing));
    const starts = await Promise.allSettled([first, startService({ dataDir })]);
    const services = starts.flatMap((start) => (start.status === "fulfilled" ? [start.value] : []));
    const refusals = starts.flatMap((start) => (start.status === "rejected" ? [String(start.reason)] : []));
    try {
      expect(services).toHaveLength(1);
      expect(refusals).toEqual([expect.stringContaining("is in use by another process")]);
    } finally {
      for (const service of services) await service.close();
    }
  });
});
