import { expect, inject, test } from "vitest";
import { startHttpSink } from "../sinks/http-sink.ts";
import { createDatabase } from "../support/postgres.ts";
import { until } from "../support/until.ts";
import { startCluster } from "./support/cluster.ts";

test("statistics go on in a database that was restored from a dump of one with later transactions", async () => {
  const sink = await startHttpSink();
  const cluster = await startCluster({ databaseUrl: await createDatabase(inject("postgresUrl")) });
  try {
    const first = await cluster.start("all");
    const tenant = await cluster.tenant(first);
    await tenant.webhook(`${sink.url}/hook`);
    await tenant.ended(await tenant.send());
    const counted = async (url: string) => {
      const { body } = await tenant.at(url).call("GET", "/v1/statistics/deliveries");
      const series = body.series as { points: { count: number }[] }[];
      return series.flatMap(({ points }) => points).reduce((sum, { count }) => sum + count, 0);
    };
    await until(async () => (await counted(first.url)) === 1);
    await first.stop();

    // As pg_dump brings it: the numbers of another server's transactions.
    await cluster.sql("update statistics_progress set xid = '9000000000'");
    await cluster.sql("update delivery_change set xid = '8000000000'");

    const second = await cluster.start("all");
    await tenant.at(second.url).send();
    await until(async () => (await counted(second.url)) === 2);
    expect(await cluster.sql("select from delivery_change where xid >= '8000000000'")).toEqual([]);
  } finally {
    await cluster.close();
    await sink.close();
  }
});
