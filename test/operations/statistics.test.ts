import { afterAll, beforeAll, describe, expect, test } from "vitest";
import { latencyBoundsMs, percentileMs } from "../../src/store/latency.ts";
import { type Deployment, deploy, type Tenant } from "../e2e/deployment.ts";
import { backends } from "../e2e/home.ts";
import { type HttpSink, type SinkReply, startHttpSink } from "../sinks/http-sink.ts";
import { until } from "../support/until.ts";

interface SeriesJson {
  channel_id: string;
  event_type: string;
  state: string;
  points: { starts_at: string; count: number; p50_ms: number; p99_ms: number }[];
}

interface QueueJson {
  pending: number;
  delivering: number;
  oldest_created_at?: string;
}

describe.each(backends)("%s", (backend) => {
  let deployment: Deployment;
  let sink: HttpSink;
  let tenant: Tenant;
  let good: { id: string };
  let bad: { id: string };

  beforeAll(async () => {
    sink = await startHttpSink();
    deployment = await deploy(backend);
    tenant = await deployment.newTenant();
    sink.respond("/bad", { status: 410 });
    good = await tenant.api.createWebhook(`${sink.url}/good`);
    bad = await tenant.api.createWebhook(`${sink.url}/bad`, { event_filters: ["grant.active"] });
    const events = Array.from({ length: 40 }, (_, n) => ({
      type: n % 4 === 0 ? "grant.active" : "grant.expired",
      grant_id: `g${n}`,
    }));
    await tenant.api.send("POST", "/v1/events:batch", { events });
  });

  afterAll(async () => {
    await deployment?.close();
    await sink.close();
  });

  const read = async (query: string) => {
    const { status, body } = await tenant.api.send<{ series: SeriesJson[]; bucket_seconds: number }>(
      "GET",
      `/v1/statistics/deliveries?${query}`,
    );
    expect(status, JSON.stringify(body)).toBe(200);
    return body.series;
  };

  const total = ({ points }: SeriesJson) => points.reduce((sum, { count }) => sum + count, 0);

  test("count each delivery once, by every grouping and bucket", async () => {
    await until(async () => (await read("")).reduce((sum, series) => sum + total(series), 0) === 50, {
      timeoutMs: 40_000,
    });
    for (const bucket of ["minute", "hour", "day"]) {
      const totals = (await read(`bucket=${bucket}`)).map((series) => [series.state, total(series)]);
      expect(totals, bucket).toEqual([
        ["delivered", 40],
        ["failed", 10],
      ]);
    }
    const byChannel = await read("group_by=channel_id&group_by=event_type");
    const expected = [
      [good.id, "grant.active", 10],
      [good.id, "grant.expired", 30],
      [bad.id, "grant.active", 10],
    ];
    expect(
      byChannel.map((series) => [series.channel_id, series.event_type, total(series)].join()).sort(),
    ).toEqual(expected.map((row) => row.join()).sort());
    expect((await read(`channel_id=${bad.id}`)).map(total)).toEqual([10]);
    expect((await read("state=delivered&event_type=grant.active")).map(total)).toEqual([10]);
    const [point] = byChannel[0]?.points ?? [];
    expect(point?.p50_ms).toBeGreaterThan(0);
    expect(point?.p99_ms).toBeGreaterThanOrEqual(point?.p50_ms ?? 0);
  });

  test("stay the same over a restart", async () => {
    const before = await read("");
    await deployment.service.stop();
    await deployment.restart();
    const one = await tenant.api.ingest({ type: "grant.revoked", grant_id: "another" });
    await tenant.api.settled(one.id);
    await until(async () => (await read("event_type=grant.revoked")).length === 1, { timeoutMs: 40_000 });
    expect((await read("")).map(total)).toEqual(
      before.map((series) => total(series) + (series.state === "delivered" ? 1 : 0)),
    );
  });

  test("the queue tells what is open, and since when", async () => {
    const queue = async () => {
      const { body } = await tenant.api.send<QueueJson>("GET", "/v1/statistics/queue");
      return body;
    };
    expect(await queue()).toEqual({ pending: 0, delivering: 0 });
    const answer = Promise.withResolvers<SinkReply>();
    sink.respond("/slow", () => answer.promise);
    await tenant.api.createWebhook(`${sink.url}/slow`, { event_filters: ["request.denied"] });
    const startedAt = Date.now();
    // About one request, so that the second one waits for the first.
    const one = await tenant.api.ingest({ type: "request.denied", request_id: "slow" });
    const two = await tenant.api.ingest({ type: "request.denied", request_id: "slow", reason: "again" });
    await sink.waitFor(() => sink.to("/slow").length === 1);
    await until(async () => (await queue()).delivering === 1 && (await queue()).pending >= 1);
    const { oldest_created_at } = await queue();
    expect(Math.abs(Date.parse(oldest_created_at ?? "") - startedAt)).toBeLessThan(10_000);
    answer.resolve({ status: 204 });
    await tenant.api.settled(one.id);
    await tenant.api.settled(two.id);
    expect(await queue()).toEqual({ pending: 0, delivering: 0 });
  });

  test("end with the calendar", async () => {
    for (const until of ["9999-12-31T23:59:59Z", "0001-01-02T00:00:00Z"]) {
      const path = `/v1/statistics/deliveries?until=${until}&bucket=day`;
      expect((await tenant.api.send("GET", path)).status, until).toBe(200);
    }
  });

  test("refuse what they cannot answer", async () => {
    for (const query of [
      "since=2020-01-01T00:00:00Z",
      "since=2030-01-01T00:00:00Z&until=2029-01-01T00:00:00Z",
      "bucket=minute&since=2020-01-01T00:00:00Z&until=2020-01-01T01:00:00Z",
      "bucket=week",
      "group_by=tenant",
    ]) {
      expect((await tenant.api.send("GET", `/v1/statistics/deliveries?${query}`)).status, query).toBe(400);
    }
  });
});

test("percentiles lie within the bucket that holds them", () => {
  const between = (ms: number) => latencyBoundsMs.findIndex((bound) => bound > ms);
  const counts = new Map([
    [between(8), 90],
    [between(400), 9],
    [latencyBoundsMs.length, 1],
  ]);
  expect(percentileMs(counts, 0.5)).toBeCloseTo(5 + 5 * (50 / 90));
  expect(percentileMs(counts, 0.95)).toBeCloseTo(300 + 200 * (5 / 9));
  expect(percentileMs(counts, 1)).toBe(86_400_000);
  expect(percentileMs(new Map(), 0.5)).toBeUndefined();
});
