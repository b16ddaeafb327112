import { expect, inject, test } from "vitest";
import { startHttpSink } from "../sinks/http-sink.ts";
import { createDatabase } from "../support/postgres.ts";
import { startCluster } from "./support/cluster.ts";

test("a change of a channel counts as newer than what a process wrote whose clock is ahead", async () => {
  const sink = await startHttpSink();
  const cluster = await startCluster({ databaseUrl: await createDatabase(inject("postgresUrl")) });
  try {
    const tenant = await cluster.tenant(await cluster.start("all"));
    const id = await tenant.webhook(`${sink.url}/old`);
    const [row] = await cluster.sql<{ ahead: number }>(
      `update channel set updated_at = now() + interval '1 hour' where id = $1
       returning floor(extract(epoch from updated_at) * 1000)::float8 as ahead`,
      [id],
    );
    await tenant.ended(await tenant.send());
    const changed = await tenant.call("PUT", `/v1/notification-channels/${id}`, {
      config: { url: `${sink.url}/new` },
    });
    expect(changed).toMatchObject({ status: 200 });
    expect(Date.parse(changed.body.updated_at as string)).toBeGreaterThan(row?.ahead ?? Number.NaN);
    await tenant.ended(await tenant.send());
    expect(sink.requests.map(({ path }) => path)).toEqual(["/old", "/new"]);
  } finally {
    await cluster.close();
    await sink.close();
  }
});
