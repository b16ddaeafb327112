import { afterAll, beforeAll, describe, expect, test } from "vitest";
import { type HttpSink, startHttpSink } from "../sinks/http-sink.ts";
import { type Redis, startRedis } from "../support/redis.ts";
import { until } from "../support/until.ts";
import type { DeliveryJson } from "./api.ts";
import { type Deployment, deploy } from "./deployment.ts";
import { backends } from "./home.ts";

// Redis holds what may be lost: while it is away, notices flow, unchecked and counted.

/** How long a send waits for Redis; much longer than an ingest call takes. */
const dedupTimeoutMs = 500;

describe.each(backends)("%s", (backend) => {
  let deployment: Deployment;
  let redis: Redis;
  let sink: HttpSink;

  beforeAll(async () => {
    sink = await startHttpSink();
    redis = await startRedis();
    await redis.stop();
    deployment = await deploy(backend, {
      REDIS_URL: redis.url,
      JITSUDO_DEDUP_TIMEOUT_MS: String(dedupTimeoutMs),
    });
  });

  afterAll(async () => {
    await deployment?.close();
    await redis?.close();
    await sink.close();
  });

  async function tenantWithWebhook() {
    const { id, api } = await deployment.newTenant();
    await api.createWebhook(`${sink.url}/${id}`);
    return api;
  }

  async function uncheckedCount(): Promise<number> {
    const text = await (await fetch(`${deployment.service.url}/metrics`)).text();
    return Number(/^jitsudo_dedup_unavailable_total (\d+)$/m.exec(text)?.[1]);
  }

  const checkedAgain = async (api: Awaited<ReturnType<typeof tenantWithWebhook>>) => {
    // The client comes back in its own time; until then the notice goes out each time.
    let last: DeliveryJson | undefined;
    await until(async () => {
      last = await api.deliverOne({ type: "grant.active", reason: "again" });
      return last.state === "deduplicated";
    });
    return last;
  };

  /** Sends equal events: none may wait for Redis to be taken, and each must go out. */
  async function expectFlow() {
    const api = await tenantWithWebhook();
    const before = await uncheckedCount();
    const tookMs: number[] = [];
    for (let number = 0; number < 5; number++) {
      const startedAt = performance.now();
      const { id } = await api.ingest({ type: "request.break_glass", request_id: "r" });
      tookMs.push(performance.now() - startedAt);
      expect(await api.settled(id)).toMatchObject([{ state: "delivered", attempt_count: 1 }]);
    }
    expect(await uncheckedCount()).toBe(before + tookMs.length);
    // A busy machine may slow single calls down; waiting for Redis would slow all.
    expect(Math.min(...tookMs)).toBeLessThan(dedupTimeoutMs / 2);
  }

  /** Many notices that find Redis away at the same moment are one occurrence in the log. */
  async function expectFewLines() {
    const api = await tenantWithWebhook();
    const told = () => deployment.service.stderr().split("dedup store unavailable").length;
    const [before, unchecked] = [told(), await uncheckedCount()];
    await Promise.all(Array.from({ length: 50 }, () => api.ingest({ type: "request.denied" })));
    await until(async () => (await uncheckedCount()) === unchecked + 50);
    expect(told() - before).toBeLessThan(4);
  }

  test("away at start: the service starts and delivers; once Redis is there, duplicates are found", async () => {
    expect(await (await fetch(`${deployment.service.url}/readyz`)).json()).toEqual({ status: "ok" });
    await expectFlow();
    expect(deployment.service.stderr()).toMatch(/ECONNREFUSED.*"cannot reach Redis, trying again"/);
    await redis.start();
    const api = await tenantWithWebhook();
    expect(await checkedAgain(api)).toMatchObject({ duplicate_of: expect.stringMatching(/^[0-9a-f-]{36}$/) });
  });

  test("hangs in the middle, and comes back", async () => {
    await redis.start();
    await checkedAgain(await tenantWithWebhook());
    redis.pause();
    await expectFlow();
    redis.resume();
    await checkedAgain(await tenantWithWebhook());
  });

  test("is stopped in the middle, and comes back empty", async () => {
    await redis.start();
    await checkedAgain(await tenantWithWebhook());
    await redis.stop();
    await expectFlow();
    await expectFewLines();
    await redis.start();
    await checkedAgain(await tenantWithWebhook());
    expect(deployment.service.running()).toBe(true);
    expect(await deployment.service.stop()).toBe(0);
  });
});
