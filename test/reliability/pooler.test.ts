import { randomUUID } from "node:crypto";
import { expect, inject, test } from "vitest";
import { startHttpSink } from "../sinks/http-sink.ts";
import { startPgBouncer } from "../support/pgbouncer.ts";
import { createDatabase } from "../support/postgres.ts";
import { startCluster } from "./support/cluster.ts";

test("works through a PgBouncer in session mode as it is installed", async () => {
  const databaseUrl = await createDatabase(inject("postgresUrl"));
  const pooler = await startPgBouncer(databaseUrl, "session");
  const cluster = await startCluster({ databaseUrl, serviceDatabaseUrl: pooler.url });
  const sink = await startHttpSink();
  try {
    const api = await cluster.start("api");
    // Woken by LISTEN alone.
    await cluster.start("worker", { JITSUDO_POLL_MS: "600000" });
    const tenant = await cluster.tenant(api);
    await tenant.webhook(`${sink.url}/hook`);
    for (let count = 1; count <= 3; count++) {
      await tenant.send({ request_id: randomUUID() });
      await sink.waitFor(count);
    }
  } finally {
    await cluster.close();
    await sink.close();
    await pooler.close();
  }
});

test("does not start through one in transaction mode, and says why", async () => {
  const databaseUrl = await createDatabase(inject("postgresUrl"));
  const pooler = await startPgBouncer(databaseUrl, "transaction");
  const cluster = await startCluster({ databaseUrl, serviceDatabaseUrl: pooler.url });
  try {
    await expect(cluster.start("all")).rejects.toThrow(/Cannot start: .*pool_mode = session/);
    const locks = await cluster.sql("select from pg_locks where locktype = 'advisory'");
    expect(locks).toEqual([]);
  } finally {
    await cluster.close();
    await pooler.close();
  }
});
