import { setTimeout as sleep } from "node:timers/promises";
import { afterAll, beforeAll, describe, expect, inject, it } from "vitest";
import { createApi } from "../e2e/api.ts";
import type { Service } from "../support/service.ts";
import { until } from "../support/until.ts";
import { type Key, openRig, type Rig } from "./rig.ts";

const path = "/v1/notification-channels";

let rig: Rig;
let tenant: string;
let first: Service;
let second: Service;
beforeAll(async () => {
  rig = await openRig(inject("postgresUrl"), { JITSUDO_ROLE: "api" });
  tenant = await rig.createTenant("keys");
  [first, second] = await Promise.all([rig.start(), rig.start()]);
});
afterAll(() => rig.close());

const statusOf = async (service: Service, key: Key) =>
  (await rig.api(service, key, tenant).send("GET", path)).status;

describe("an API key", () => {
  it("ends when it was said to, also while it is in use", async () => {
    const expiresAt = new Date(Date.now() + 4_000);
    const key = await rig.createKey(tenant, { expiresAt: expiresAt.toISOString() });
    expect(await statusOf(first, key)).toBe(200);
    await until(async () => (await statusOf(first, key)) === 401, { intervalMs: 50 });
    expect(Date.now()).toBeGreaterThanOrEqual(expiresAt.getTime());
    expect(Date.now()).toBeLessThan(expiresAt.getTime() + 4_000);
    expect(await statusOf(second, key)).toBe(401);
  });

  it("ends within seconds in every process once it is revoked, although it is in use in all of them", async () => {
    const key = await rig.createKey(tenant);
    expect([await statusOf(first, key), await statusOf(second, key)]).toEqual([200, 200]);
    await rig.operator.run("keys revoke", { id: key.id });
    const revokedAt = performance.now();
    await until(async () => (await statusOf(first, key)) === 401 && (await statusOf(second, key)) === 401);
    expect(performance.now() - revokedAt).toBeLessThan(8_000);
    await expect(rig.operator.run("keys revoke", { id: key.id })).rejects.toThrow("no living key");
  });

  it("does what its scopes allow and nothing else", async () => {
    const key = await rig.createKey(tenant, { scopes: ["events:write"] });
    const api = rig.api(first, key, tenant);
    expect((await api.send("POST", "/v1/events", { type: "grant.active" })).status).toBe(202);
    expect(await api.send("GET", path)).toMatchObject({
      status: 403,
      body: { code: "permission_denied", message: "the key lacks the scope channels:read" },
    });
  });

  it("is unknown when any part of it is another, or it is no key at all", async () => {
    const { apiKey } = await rig.createKey(tenant);
    const [, prefix, secret = ""] = apiKey.split("_", 3);
    const changed = [
      `jsn_${prefix}_${secret.slice(0, -1)}${secret.endsWith("A") ? "B" : "A"}`,
      `jsn_000000000000_${secret}`,
      apiKey.slice(0, -1),
      `${apiKey}A`,
      "' or 1=1 --",
      "jsn__",
    ];
    for (const wrong of changed) {
      const reply = await createApi(first.url, wrong, tenant).send("GET", path);
      expect(reply, wrong).toMatchObject({ status: 401, body: { code: "unauthenticated" } });
    }
  });

  it("shows when it was used last, written once a minute at the most", async () => {
    const key = await rig.createKey(tenant);
    const usedAt = async () => {
      const rows = (await rig.operator.run("keys list", { tenant })) as unknown as {
        id: string;
        last_used_at: Date | null;
      }[];
      return rows.find(({ id }) => id === key.id)?.last_used_at;
    };
    expect(await usedAt()).toBeNull();
    const before = Date.now();
    await Promise.all(Array.from({ length: 50 }, () => statusOf(first, key)));
    const noted = await until(usedAt, { timeoutMs: 5_000 });
    expect(Math.abs(noted.getTime() - before)).toBeLessThan(5_000);
    // Well beyond the time in which uses are gathered, in both processes.
    const end = performance.now() + 3_000;
    while (performance.now() < end) await Promise.all([statusOf(first, key), statusOf(second, key)]);
    await sleep(2_500);
    expect(await usedAt()).toEqual(noted);
  });

  it("is written down as used also when the process stops right after", async () => {
    const key = await rig.createKey(tenant);
    const third = await rig.start();
    await statusOf(third, key);
    expect(await third.stop()).toBe(0);
    const rows = (await rig.operator.run("keys list", { tenant })) as unknown as {
      id: string;
      last_used_at: unknown;
    }[];
    expect(rows.find(({ id }) => id === key.id)?.last_used_at).not.toBeNull();
  });
});

describe("who tries keys", () => {
  it("is slowed down, while those who call from there with good keys are not", async () => {
    const good = await rig.createKey(tenant);
    const other = await rig.createKey(tenant);
    const service = await rig.start();
    expect(await statusOf(service, good)).toBe(200);
    const guess = (index: number) =>
      createApi(service.url, `jsn_${index.toString(16).padStart(12, "0")}_${"A".repeat(43)}`, tenant).send(
        "GET",
        path,
      );
    const replies = await Promise.all(Array.from({ length: 60 }, (_, index) => guess(index)));
    const statuses = replies.map(({ status }) => status);
    expect(statuses.filter((status) => status === 401).length).toBeGreaterThanOrEqual(19);
    expect(statuses.filter((status) => status === 429).length).toBeGreaterThanOrEqual(35);
    const refused = replies.find(({ status }) => status === 429);
    expect(refused).toMatchObject({ body: { code: "resource_exhausted" } });
    expect(Number(refused?.headers.get("retry-after"))).toBeGreaterThanOrEqual(1);
    // In use before, so known to be good, even after the cached look-up has ended.
    const end = performance.now() + 2_500;
    while (performance.now() < end) {
      expect(await statusOf(service, good)).toBe(200);
      await guess(1);
    }
    // A good key that was not seen before waits for its turn, and then passes.
    await until(async () => (await statusOf(service, other)) === 200, { intervalMs: 300 });
  });
});
