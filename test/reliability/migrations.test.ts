import { Client } from "pg";
import { expect, inject, test } from "vitest";
import { createDatabase } from "../support/postgres.ts";
import { startCluster } from "./support/cluster.ts";
import { lockTable, untilLocked } from "./support/table-locks.ts";

test("a migration may take longer than any other statement, and who starts meanwhile waits for it", async () => {
  const databaseUrl = await createDatabase(inject("postgresUrl"));
  // Ends all statements of callers after 3 s.
  const cluster = await startCluster({ databaseUrl, env: { JITSUDO_REQUEST_TIMEOUT_MS: "5000" } });
  try {
    await cluster.start("api");
    const release = await lockTable(databaseUrl, "migration");
    const starting = Promise.all([cluster.start("api"), cluster.start("worker")]);
    await untilLocked(cluster, { count: 2, forMs: 4_000 });
    await release();
    for (const { url } of await starting) expect((await fetch(`${url}/readyz`)).status).toBe(200);
  } finally {
    await cluster.close();
  }
});

test("a replay that a process of the version before begins just now does not make the migration fail", async () => {
  const databaseUrl = await createDatabase(inject("postgresUrl"));
  const cluster = await startCluster({ databaseUrl });
  const old = new Client(databaseUrl);
  try {
    await cluster.start("api");
    await cluster.sql("drop index replay_of_channel_running");
    await cluster.sql("delete from migration where name = '0006-one-replay'");
    await old.connect();
    await old.query(beginReplay);
    await old.query(`begin; ${beginReplay}`);
    const starting = cluster.start("api");
    await untilLocked(cluster, { query: "% replay %" });
    await old.query("commit");
    await starting;
    const states = await cluster.sql("select state from replay order by id");
    expect(states).toEqual([{ state: "running" }, { state: "cancelled" }]);
  } finally {
    await old.end();
    await cluster.close();
  }
});

/** Of one channel, as long as it lasts. */
const beginReplay = `
  insert into replay (id, tenant_id, kind, state, channel_id, since, until, total, position, created_at)
  select uuid_v7(), nil, 'failed', 'running', nil, now(), now(), 1, nil, now()
  from (select '00000000-0000-0000-0000-000000000000'::uuid as nil) none`;
