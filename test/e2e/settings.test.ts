import { once } from "node:events";
import { writeFile } from "node:fs/promises";
import { type AddressInfo, createServer } from "node:net";
import { join, resolve } from "node:path";
import { expect, test } from "vitest";
import { startChild } from "../support/child.ts";
import { startService } from "../support/service.ts";
import { withTempDir } from "../support/temp-dir.ts";
import { makeHome } from "./home.ts";

// Settings that do not fit end the start, and the message names each of them.

const root = resolve(import.meta.dirname, "../..");

async function startWith(env: Record<string, string>) {
  return withTempDir(async (dir) => {
    const child = await startChild(`${root}/node_modules/.bin/node`, ["src/main.ts"], {
      cwd: root,
      env: { PATH: process.env.PATH, JITSUDO_LISTEN: "127.0.0.1:0", JITSUDO_DATA_DIR: dir, ...env },
    });
    const exit = await child.waitForExit();
    return { exit, stdout: child.stdout(), lines: child.stderr().trimEnd().split("\n") };
  });
}

test("an unknown variable is an error, and so is every malformed value", async () => {
  const malformed = {
    DATABASE_URL: "mysql://localhost/x",
    REDIS_URL: "localhost:1",
    JITSUDO_LISTEN: "8080",
    JITSUDO_ROLE: "both",
    JITSUDO_ENCRYPTION_KEYS: "c2hvcnQ=",
    JITSUDO_LOG_LEVEL: "loud",
    JITSUDO_CONCURRENCY: "many",
    JITSUDO_BACKOFF_BASE_MS: "-1",
    JITSUDO_DEDUP_WINDOW_MS: "1.5",
    JITSUDO_MAX_AGE_SECONDS: "grant.nonsense=5",
    JITSUDO_RETENTION_DAYS: "0",
    JITSUDO_CONCURENCY: "5",
  };
  // What callers have in the same environment is no mistake.
  const callers = { JITSUDO_API_KEY: "jsn_key", JITSUDO_TENANT_ID: "tenant" };
  const { exit, stdout, lines } = await startWith({ ...malformed, ...callers });
  expect(exit).toBe(1);
  expect(stdout).toBe("");
  expect(lines.join("\n")).not.toMatch(/JITSUDO_API_KEY|JITSUDO_TENANT_ID/);
  expect(lines).toContain("JITSUDO_CONCURENCY: there is no such setting; docs/configuration.md lists all");
  for (const [name, value] of Object.entries(malformed)) {
    const named = lines.filter((line) => line.startsWith(`${name}`));
    expect(named, name).not.toEqual([]);
    // A value may be a secret, or hold one.
    if (name.endsWith("KEYS")) expect(named.join()).not.toContain(value);
  }
  expect(
    lines.every((line) => /^[A-Z_]+[.\w]*: /.test(line)),
    lines.join("\n"),
  ).toBe(true);
});

test("a port that is out of range or in use is told", async () => {
  expect(await startWith({ JITSUDO_LISTEN: "127.0.0.1:70000" })).toMatchObject({
    exit: 1,
    lines: ["JITSUDO_LISTEN: the port must be at most 65535"],
  });
  const taken = createServer().listen(0, "127.0.0.1");
  await once(taken, "listening");
  try {
    const { port } = taken.address() as AddressInfo;
    // Before the database is looked at: a start that cannot succeed must not migrate it, nor claim anything.
    const { exit, lines } = await startWith({
      JITSUDO_LISTEN: `127.0.0.1:${port}`,
      DATABASE_URL: "postgresql://127.0.0.1:1/x",
    });
    expect(exit).toBe(1);
    expect(lines.slice(1)).toEqual([
      `Cannot start: listen EADDRINUSE: address already in use 127.0.0.1:${port} (JITSUDO_LISTEN takes another one)`,
    ]);
  } finally {
    taken.close();
  }
});

test("kept credentials that cannot be read end the start, which names their file", async () => {
  const home = await makeHome("embedded");
  try {
    const file = join(home.dataDir, "credentials.json");
    await writeFile(file, "null");
    await expect(startService({ dataDir: home.dataDir })).rejects.toThrow(`${file} holds no credentials`);
  } finally {
    home.remove();
  }
});

test("a database that cannot be reached ends the start without its password", async () => {
  const { exit, stdout, lines } = await startWith({
    DATABASE_URL: "postgresql://someone:open-sesame@127.0.0.1:1/x",
    REDIS_URL: "redis://:open-sesame@127.0.0.1:1",
  });
  expect(exit).toBe(1);
  expect(lines.at(-1)).toMatch(/^Cannot start: .*ECONNREFUSED/);
  expect(stdout + lines.join()).not.toContain("open-sesame");
});
