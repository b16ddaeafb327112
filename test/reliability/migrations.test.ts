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
