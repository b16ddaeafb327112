import { execFile } from "node:child_process";
import { existsSync } from "node:fs";
import { promisify } from "node:util";
import KeyvRedis from "@keyv/redis";
import { afterAll, expect, inject, test } from "vitest";
import { startChild } from "./child.ts";
import { createDatabase, startPostgres } from "./postgres.ts";
import { startRedis } from "./redis.ts";
import { withTempDir } from "./temp-dir.ts";
import { until } from "./until.ts";

const closers: (() => Promise<void>)[] = [];

afterAll(async () => {
  for (const close of closers) await close();
});

async function sql(url: string, statement: string): Promise<string> {
  const { stdout } = await promisify(execFile)("psql", ["-XAtc", statement, url]);
  return stdout.trim();
}

test("PostgreSQL keeps what was committed over stop, restart and kill", async () => {
  const postgres = await startPostgres();
  closers.push(postgres.close);
  const url = await postgres.createDatabase("kept");
  expect(url).toMatch(/\/kept$/);
  await sql(url, "create table t (n int); insert into t values (1)");

  await postgres.stop();
  await expect(sql(url, "select 1")).rejects.toThrow("refused");
  await postgres.start();
  await sql(url, "insert into t values (2)");

  // A client that holds a connection must neither keep the server from dying nor from coming back.
  const client = await startChild("psql", ["-Xc", "select pg_sleep(600)", url]);
  await until(
    async () =>
      (await sql(url, "select count(*) from pg_stat_activity where query like '%sleep(600)'")) !== "0",
  );
  await sql(url, "insert into t values (3)");
  await postgres.kill();
  expect(await client.waitForExit()).not.toBe(0);
  await postgres.start();
  await postgres.restart("immediate");
  expect(await sql(url, "select string_agg(n::text, ',' order by n) from t")).toBe("1,2,3");
});

test("Redis stops, starts, pauses and resumes on one port", async () => {
  const redis = await startRedis();
  closers.push(redis.close);
  const keyv = new KeyvRedis(redis.url, { throwOnErrors: true, throwOnConnectError: true });
  await keyv.set("a", "1");
  redis.pause();
  const answer = keyv.get("a");
  expect(await Promise.race([answer, new Promise((resolve) => setTimeout(resolve, 200, "nothing"))])).toBe(
    "nothing",
  );
  redis.resume();
  expect(await answer).toBe("1");
  await keyv.disconnect();
  await redis.stop();
  await redis.start();
  const again = new KeyvRedis(redis.url, { throwOnErrors: true, throwOnConnectError: true });
  expect(await again.get("a")).toBeUndefined();
  await again.disconnect();
});

test("the servers of the run are there", async () => {
  const url = await createDatabase(inject("postgresUrl"));
  expect(await sql(url, "select current_database()")).toBe(new URL(url).pathname.slice(1));
  const keyv = new KeyvRedis(inject("redisUrl"), { throwOnConnectError: true });
  await keyv.set(url, "1", 60_000);
  expect(await keyv.get(url)).toBe("1");
  await keyv.disconnect();
});

test("a child ends with the process that started it", async () => {
  const script = `
    const { startChild } = await import(${JSON.stringify(new URL("./child.ts", import.meta.url).href)});
    const child = await startChild("sleep", ["600"]);
    console.log(child.pid);
    setInterval(() => {}, 1000);`;
  const parent = await startChild(process.execPath, ["--input-type=module", "--eval", script]);
  const pid = Number(await until(() => parent.stdout().trim()));
  expect(existsSync(`/proc/${pid}`)).toBe(true);
  await parent.kill();
  await until(() => !existsSync(`/proc/${pid}`) || isZombie(pid));
});

async function isZombie(pid: number): Promise<boolean> {
  const { stdout } = await promisify(execFile)("ps", ["--no-headers", "-o", "stat", "-p", String(pid)]);
  return stdout.startsWith("Z");
}

test("withTempDir leaves nothing behind, even after an error", async () => {
  let dir = "";
  const failing = withTempDir(async (path) => {
    dir = path;
    expect(existsSync(path)).toBe(true);
    throw new Error("as planned");
  });
  await expect(failing).rejects.toThrow("as planned");
  expect(existsSync(dir)).toBe(false);
});

test("until tells what it last saw", async () => {
  await expect(until(() => 0, { timeoutMs: 30 })).rejects.toThrow("The last value 0");
  const broken = () => {
    throw new Error("no luck");
  };
  await expect(until(broken, { timeoutMs: 30 })).rejects.toThrow("no luck");
});
