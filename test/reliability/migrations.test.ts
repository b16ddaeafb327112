import { Client } from "pg";
import { expect, inject, test } from "vitest";
import { createDatabase } from "../support/postgres.ts";
import { until } from "../support/until.ts";
import { startCluster } from "./support/cluster.ts";

test("a migration may take longer than any other statement, and who starts meanwhile waits for it", async () => {
  const databaseUrl = await createDatabase(inject("postgresUrl"));
  // Ends all statements of callers after 3 s.
  const cluster = await startCluster({ databaseUrl, env: { JITSUDO_REQUEST_TIMEOUT_MS: "5000" } });
  const holder = new Client(databaseUrl);
  try {
    await cluster.start("api");
    await holder.connect();
    await holder.query("begin; lock table migration");
    const starting = Promise.all([cluster.start("api"), cluster.start("worker")]);
    await until(async () => {
      const [waiting] = await cluster.sql<{ count: number }>(
        `select count(*)::int as count from pg_stat_activity
         where datname = current_database() and wait_event_type = 'Lock' and query_start < now() - interval '4 s'`,
      );
      return waiting?.count === 2;
    });
    await holder.query("commit");
    for (const { url } of await starting) expect((await fetch(`${url}/readyz`)).status).toBe(200);
  } finally {
    await holder.end();
    await cluster.close();
  }
});
