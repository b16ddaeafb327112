import { execFile } from "node:child_process";
import { readdir, readFile, stat } from "node:fs/promises";
import { join, resolve } from "node:path";
import { promisify } from "node:util";
import { afterAll, beforeAll, expect, inject, test, vi } from "vitest";
import { type Child, report, startChild } from "../support/child.ts";
import { createDatabase } from "../support/postgres.ts";
import { makeTempDir, removeDir } from "../support/temp-dir.ts";
import { until } from "../support/until.ts";

// The first minutes: npm start, what it prints, and what comes of pasting that into a shell.

// npm itself takes its time.
vi.setConfig({ testTimeout: 180_000 });

const root = resolve(import.meta.dirname, "../..");
const run = promisify(execFile);
const closers: (() => unknown)[] = [];
let dataDir: string;
let first: Awaited<ReturnType<typeof npmStart>>;

beforeAll(async () => {
  dataDir = await dataFolder();
  first = await npmStart(dataDir);
});

afterAll(async () => {
  for (const close of closers.splice(0).reverse()) await close();
});

async function dataFolder(): Promise<string> {
  const parent = await makeTempDir();
  closers.push(() => removeDir(parent));
  // Not there yet, nor is its parent, as ./data is not after a clone.
  return join(parent, "not", "there");
}

const environment = (dataDir: string, env: Record<string, string>) => ({
  PATH: process.env.PATH,
  HOME: process.env.HOME,
  JITSUDO_LISTEN: "127.0.0.1:0",
  JITSUDO_DATA_DIR: dataDir,
  ...env,
});

async function npmStart(
  dataDir: string,
  env: Record<string, string> = {},
): Promise<{ npm: Child; url: string }> {
  const npm = await startChild("npm", ["start"], { cwd: root, env: environment(dataDir, env) });
  closers.push(async () => {
    npm.signal("SIGTERM");
    await npm.waitForExit();
  });
  const ready = () => /^ready (http:\/\/\S+)$/m.exec(npm.stdout())?.[1];
  await until(() => !npm.running() || ready(), { timeoutMs: 90_000 });
  const url = ready();
  if (!url) throw new Error(report(npm));
  return { npm, url };
}

async function npmSink(): Promise<{ sink: Child; httpPort: string; smtpPort: string }> {
  const args = ["run", "sink", "--", "--http-port", "0", "--smtp-port", "0"];
  const sink = await startChild("npm", args, { cwd: root });
  closers.push(async () => {
    sink.signal("SIGTERM");
    await sink.waitForExit();
  });
  await until(() => sink.stdout().includes("/v1/events"), { timeoutMs: 30_000 });
  const httpPort = /HTTP: http:\/\/127\.0\.0\.1:(\d+)/.exec(sink.stdout())?.[1];
  const smtpPort = /SMTP: 127\.0\.0\.1:(\d+)/.exec(sink.stdout())?.[1];
  if (!httpPort || !smtpPort) throw new Error(report(sink));
  return { sink, httpPort, smtpPort };
}

test("npm start, then the printed lines in a shell: both notices arrive at the sink", async () => {
  const { npm, url } = first;
  const { sink, httpPort, smtpPort } = await npmSink();

  expect(npm.stdout()).toContain("\nnpm run sink\n");
  // The printed lines are for the sink's own ports; this one runs on others.
  const printed = npm.stdout().replaceAll(":8090/", `:${httpPort}/`).replaceAll("2525", smtpPort);
  const commands = printed
    .replace(/^ready .*\n/m, "")
    .split("\n\n")
    .filter((block) => block.startsWith("curl "));
  expect(commands).toHaveLength(4);
  const answers: { [key: string]: unknown }[] = [];
  for (const command of commands.slice(0, 3)) {
    const { stdout, stderr } = await run("bash", ["-c", command]);
    expect(stderr).toBe("");
    answers.push(JSON.parse(stdout));
  }
  expect(answers).toMatchObject([
    { channel_type: "generic_webhook", enabled: true },
    { channel_type: "email", enabled: true },
    { deliveries: 2, replayed: false },
  ]);
  await until(() => /HTTP POST \/hook/.test(sink.stdout()) && /SMTP message/.test(sink.stdout()));
  expect(sink.stdout()).toContain('"type": "request.break_glass"');
  expect(sink.stdout()).toContain("database is down");

  const [, , , list = ""] = commands;
  await until(async () => {
    const { deliveries } = JSON.parse((await run("bash", ["-c", list])).stdout);
    return (
      deliveries.length === 2 && deliveries.every(({ state }: { state: string }) => state === "delivered")
    );
  });
  expect(npm.stdout()).toMatch(new RegExp(`\\nready ${url}\\n$`));
});

test("credentials.json holds what was printed, for its owner alone, and stays over a restart", async () => {
  const { npm } = first;
  const file = join(dataDir, "credentials.json");
  const text = await readFile(file, "utf8");
  const credentials = JSON.parse(text);
  expect(Object.keys(credentials)).toEqual(["tenant_id", "api_key"]);
  expect(credentials.tenant_id).toMatch(/^[0-9a-f-]{36}$/);
  expect(npm.stdout()).toContain(`Tenant   ${credentials.tenant_id}\nAPI key  ${credentials.api_key}\n`);
  expect((await stat(file)).mode & 0o777).toBe(0o600);
  expect((await stat(dataDir)).mode & 0o777).toBe(0o700);
  expect(npm.stderr()).not.toContain(credentials.api_key);

  // A second one on the same folder would destroy it.
  await expect(npmStart(dataDir)).rejects.toThrow(/in use by another process/);

  // SIGTERM to npm reaches the service itself.
  npm.signal("SIGTERM");
  await npm.waitForExit();
  expect(npm.stderr()).toContain('"msg":"stopping"');
  const { npm: again, url } = await npmStart(dataDir);
  expect(await readFile(file, "utf8")).toBe(text);
  expect(again.stdout()).toContain(credentials.api_key);
  const headers = { "X-API-Key": credentials.api_key, "X-Tenant-ID": credentials.tenant_id };
  expect((await fetch(`${url}/v1/notification-channels`, { headers })).status).toBe(200);
});

test("with a database of its own the key goes to the file and not to standard output", async () => {
  const otherDir = await dataFolder();
  const { npm, url } = await npmStart(otherDir, {
    DATABASE_URL: await createDatabase(inject("postgresUrl")),
  });
  const credentials = JSON.parse(await readFile(join(otherDir, "credentials.json"), "utf8"));
  expect(npm.stdout()).toContain(join(otherDir, "credentials.json"));
  expect(npm.stdout() + npm.stderr()).not.toContain(credentials.api_key);
  const headers = { "X-API-Key": credentials.api_key, "X-Tenant-ID": credentials.tenant_id };
  expect((await fetch(`${url}/v1/notification-channels`, { headers })).status).toBe(200);
});

test("a first start that found no room for its files leaves nothing in the way of the next one", async () => {
  const folder = await dataFolder();
  const DATABASE_URL = await createDatabase(inject("postgresUrl"));
  const script = "ulimit -f 0; exec node_modules/.bin/node src/main.ts";
  const env = environment(folder, { DATABASE_URL });
  const full = await startChild("sh", ["-c", script], { cwd: root, env });
  expect(await full.waitForExit()).toBe(1);
  expect(full.stderr()).toContain("Cannot start: EFBIG: file too large");
  expect(await readdir(folder)).toEqual([]);
  await npmStart(folder, { DATABASE_URL });
  expect((await readdir(folder)).sort()).toEqual(["credentials.json", "encryption-key"]);
});

test("on one data folder with two databases in turn, the file has the credentials of the one in use", async () => {
  const folder = await dataFolder();
  const file = join(folder, "credentials.json");
  const DATABASE_URL = await createDatabase(inject("postgresUrl"));
  const texts: string[] = [];
  for (const env of [{}, { DATABASE_URL }, {}, { DATABASE_URL }]) {
    const { npm, url } = await npmStart(folder, env);
    const text = await readFile(file, "utf8");
    texts.push(text);
    const { tenant_id, api_key } = JSON.parse(text);
    if (!("DATABASE_URL" in env)) expect(npm.stdout()).toContain(api_key);
    const headers = { "X-API-Key": api_key, "X-Tenant-ID": tenant_id };
    expect((await fetch(`${url}/v1/notification-channels`, { headers })).status).toBe(200);
    npm.signal("SIGTERM");
    await npm.waitForExit();
  }
  expect(texts.slice(2)).toEqual(texts.slice(0, 2));
  expect(texts[1]).not.toBe(texts[0]);
});
