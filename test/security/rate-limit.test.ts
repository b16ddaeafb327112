import pino from "pino";
import { afterAll, afterEach, beforeAll, beforeEach, describe, expect, inject, it, vi } from "vitest";
import { createRateLimiter } from "../../src/services/rate-limit.ts";
import { createRedisAccount } from "../../src/services/rate-limit-redis.ts";
import { type Redis, startRedis } from "../support/redis.ts";
import type { Service } from "../support/service.ts";
import { until } from "../support/until.ts";
import { type Key, openRig, type Rig } from "./rig.ts";

const log = pino({ level: "silent" });
const path = "/v1/notification-channels";

describe("the limit of one process", () => {
  // By a clock that stands still between two calls, on which no busy machine has an effect.
  beforeEach(() => void vi.useFakeTimers({ toFake: ["performance"] }));
  afterEach(() => void vi.useRealTimers());

  it("lets twice the rate pass at once and the rate from then on", async () => {
    const limiter = createRateLimiter({ log });
    const passed = (calls: number) =>
      Array.from({ length: calls }, () => limiter.take("k", 100)).filter((wait) => wait === 0).length;
    expect(passed(500)).toBe(200);
    vi.advanceTimersByTime(4);
    expect(limiter.take("k", 100)).toBeCloseTo(6, 6);
    let more = 0;
    for (let ms = 4; ms < 505; ms++) {
      vi.advanceTimersByTime(1);
      more += passed(3);
    }
    expect(more).toBe(50);
    expect(limiter.take("other", 100)).toBe(0);
    await limiter.close();
  });

  it("is none at 0, and follows the key's own rate when that changes", async () => {
    const limiter = createRateLimiter({ log });
    for (let call = 0; call < 1000; call++) expect(limiter.take("free", 0)).toBe(0);
    expect([1, 2, 3].map(() => limiter.take("k", 1) === 0)).toEqual([true, true, false]);
    expect(limiter.take("k", 10)).toBe(0);
    await limiter.close();
  });
});

describe("processes that share a Redis", () => {
  it("keep the limit together", async () => {
    const limiters = Array.from({ length: 4 }, () =>
      createRateLimiter({ shared: createRedisAccount(inject("redisUrl"), log), log }),
    );
    const keyId = `shared-${Math.random()}`;
    let passed = 0;
    const startedAt = performance.now();
    while (performance.now() - startedAt < 8_000) {
      for (const limiter of limiters) if (limiter.take(keyId, 50) === 0) passed += 1;
      await new Promise((resolve) => setTimeout(resolve, 2));
    }
    // 100 at once and 50 a second; each process may let its own 100 pass before it hears of the others.
    console.log(`4 processes, 50 calls/s: ${passed} in 8 s`);
    expect(passed).toBeGreaterThan(400);
    expect(passed).toBeLessThan(700);
    await Promise.all(limiters.map((limiter) => limiter.close()));
  });
});

describe("the service", () => {
  let redis: Redis;
  let rig: Rig;
  let tenant: string;
  let service: Service;
  beforeAll(async () => {
    redis = await startRedis();
    rig = await openRig(inject("postgresUrl"), {
      JITSUDO_ROLE: "api",
      REDIS_URL: redis.url,
      JITSUDO_RATE_LIMIT_PER_SECOND: "1000",
    });
    tenant = await rig.createTenant("limits");
    service = await rig.start();
  });
  afterAll(async () => {
    await rig.close();
    await redis.close();
  });

  /** Many calls at once: how many passed, and how long it took until the last was answered. */
  const burst = async (key: Key, count: number, on = service) => {
    const api = rig.api(on, key, tenant);
    const startedAt = performance.now();
    const replies = await Promise.all(Array.from({ length: count }, () => api.send("GET", path)));
    const seconds = (performance.now() - startedAt) / 1000;
    return { replies, passed: replies.filter(({ status }) => status === 200).length, seconds };
  };

  it("answers 429 with Retry-After beyond a key's own limit, on REST and Connect, and goes on afterwards", async () => {
    const key = await rig.createKey(tenant, { rateLimit: 5 });
    const { replies, passed, seconds } = await burst(key, 40);
    expect(passed).toBeGreaterThanOrEqual(10);
    expect(passed).toBeLessThanOrEqual(12 + 5 * seconds);
    const refused = replies.find(({ status }) => status === 429);
    expect(refused).toMatchObject({ body: { code: "resource_exhausted" } });
    expect(refused?.headers.get("retry-after")).toBe("1");
    const overConnect = () =>
      fetch(`${service.url}/jitsudo.notifications.v1.NotificationChannelService/ListChannels`, {
        method: "POST",
        headers: { "X-API-Key": key.apiKey, "X-Tenant-ID": tenant, "Content-Type": "application/json" },
        body: "{}",
      });
    const answers = await Promise.all(Array.from({ length: 40 }, overConnect));
    const tooMany = answers.find(({ status }) => status === 429);
    expect(tooMany?.headers.get("retry-after")).toBe("1");
    expect(await tooMany?.json()).toMatchObject({ code: "resource_exhausted" });
    await until(async () => (await burst(key, 1)).passed === 1);
    // Another key is not concerned.
    expect((await burst(await rig.createKey(tenant), 100)).passed).toBe(100);
  });

  it("counts the calls of all processes", async () => {
    const other = await rig.start();
    const key = await rig.createKey(tenant, { rateLimit: 2 });
    const startedAt = performance.now();
    const seconds = () => (performance.now() - startedAt) / 1000;
    let passed = 0;
    while (seconds() < 8) {
      const [here, there] = await Promise.all([burst(key, 5), burst(key, 5, other)]);
      passed += here.passed + there.passed;
    }
    // Apart they would let 4 pass at once each, and 4 a second together.
    expect(passed).toBeGreaterThanOrEqual(4);
    expect(passed).toBeLessThan(8 + 2 * seconds() + 6);
  });

  it("limits by itself while Redis is away, without delay, and together when it is back", async () => {
    const key = await rig.createKey(tenant, { rateLimit: 20 });
    expect((await burst(key, 5)).passed).toBe(5);
    redis.pause();
    // Well within the time after which a connection counts as dead.
    const paused = await burst(key, 20);
    expect(paused.passed).toBe(20);
    expect(paused.seconds).toBeLessThan(4);
    redis.resume();
    await redis.stop();
    const { passed, seconds } = await burst(await rig.createKey(tenant, { rateLimit: 20 }), 200);
    expect(passed).toBeGreaterThanOrEqual(40);
    expect(passed).toBeLessThanOrEqual(42 + 20 * seconds);
    await until(async () => {
      await burst(key, 1);
      return service.stderr().includes("Redis is away, each process limits calls by itself");
    });
    await redis.start();
    await until(async () => {
      await burst(key, 1);
      return service.stderr().includes("rate limits are shared again");
    });
  });
});
