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

test("a channel and settings that are mended between two attempts count for the next one", async () => {
  const sink = await startHttpSink();
  const databaseUrl = await createDatabase(inject("postgresUrl"));
  const cluster = await startCluster({ databaseUrl, env: { JITSUDO_BACKOFF_BASE_MS: "6000" } });
  try {
    const tenant = await cluster.tenant(await cluster.start("all"));
    sink.respond("/wrong", { status: 500 });
    const id = await tenant.webhook(`${sink.url}/wrong`);
    const sent = await tenant.send({ type: "request.break_glass", request_id: "r" });
    await sink.waitFor(1);
    const changes = [
      tenant.call("PUT", `/v1/notification-channels/${id}`, { config: { url: `${sink.url}/right` } }),
      tenant.call("PUT", "/v1/tenant-settings", { link_base_url: "https://jitsudo.example" }),
    ];
    for (const { status } of await Promise.all(changes)) expect(status).toBe(200);
    expect(await tenant.ended(sent)).toMatchObject([{ state: "delivered", attempt_count: 2 }]);
    expect(sink.requests.map(({ path }) => path)).toEqual(["/wrong", "/right"]);
    expect(sink.requests[1]?.body).toContain("https://jitsudo.example/requests/r");
  } finally {
    await cluster.close();
    await sink.close();
  }
});
