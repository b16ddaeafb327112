import { once } from "node:events";
import { readFile, writeFile } from "node:fs/promises";
import { createConnection } from "node:net";
import { join } from "node:path";
import { afterEach, describe, expect, inject, test, vi } from "vitest";
import { createDatabase } from "../support/postgres.ts";
import { startService } from "../support/service.ts";
import { makeTempDir, removeDir } from "../support/temp-dir.ts";
import { until } from "../support/until.ts";
import { createApi } from "./api.ts";
import { runCli } from "./cli.ts";
import { quick } from "./deployment.ts";
import { backends, type Home, makeHome } from "./home.ts";

// The operator's command line, beside a running service and without one.

// Each command is a process, and without a service each opens the database.
vi.setConfig({ testTimeout: 180_000 });

const nil = "00000000-0000-4000-8000-000000000000";
const closers: (() => unknown)[] = [];

afterEach(async () => {
  for (const close of closers.splice(0).reverse()) await close();
});

async function newHome(backend: (typeof backends)[number]): Promise<Home> {
  const home = await makeHome(backend);
  closers.push(home.remove);
  return home;
}

async function startIn({ dataDir, env }: Home) {
  const service = await startService({ dataDir, env: { ...quick, ...env } });
  closers.push(service.close);
  return service;
}

/** What a command prints. Throws unless it ended well. */
async function cli({ env }: Home, ...args: string[]) {
  const { exit, stdout, stderr } = await runCli(env, ...args);
  if (exit !== 0 || stderr !== "") throw new Error(`${args.join(" ")} ended with ${exit}: ${stderr}`);
  return JSON.parse(stdout);
}

async function refused({ env }: Home, ...args: string[]): Promise<string> {
  const { exit, stdout, stderr } = await runCli(env, ...args);
  expect(exit).toBe(1);
  expect(stdout).toBe("");
  return stderr;
}

describe.each(backends)("%s", (backend) => {
  test("manages tenants and keys, without a service and beside a running one", async () => {
    const home = await newHome(backend);
    const acme = await cli(home, "tenants", "create", "--name", "acme");
    expect(acme).toEqual({
      id: expect.stringMatching(/^[0-9a-f-]{36}$/),
      name: "acme",
      created_at: expect.stringMatching(/Z$/),
    });
    const create = ["keys", "create", "--tenant", acme.id];
    const reader = await cli(home, ...create, "--name", "reader", "--scopes", "channels:read");
    expect(reader).toEqual({
      id: expect.any(String),
      tenant_id: acme.id,
      name: "reader",
      api_key: expect.stringMatching(/^jsn_[0-9a-f]{12}_[A-Za-z0-9_-]{43}$/),
    });

    const service = await startIn(home);
    const statusOf = async (key: string) =>
      (await createApi(service.url, key, acme.id).send("GET", "/v1/notification-channels")).status;
    expect(await statusOf(reader.api_key)).toBe(200);
    expect(await cli(home, "tenants", "list")).toContainEqual(acme);
    const lasting = await cli(home, ...create, "--name", "lasting", "--expires-at", "2099-01-01T00:00:00Z");
    expect(await statusOf(lasting.api_key)).toBe(200);
    const operator = await cli(home, "keys", "create", "--name", "ops", "--operator");
    expect(operator.tenant_id).toBeNull();
    expect(await statusOf(operator.api_key)).toBe(200);
    expect(await cli(home, "keys", "revoke", reader.id)).toEqual({ id: reader.id, revoked: true });
    await until(async () => (await statusOf(reader.api_key)) === 401);

    expect(await refused(home, "keys", "revoke", reader.id)).toContain(`no living key ${reader.id}`);
    expect(await refused(home, "tenants", "create", "--name", "acme")).toContain("a tenant named acme");
    expect(await refused(home, "keys", "create", "--name", "k", "--tenant", nil)).toContain(
      `no tenant ${nil}`,
    );
    expect(await refused(home, "keys", "create", "--name", "k", "--tenant", "x")).toMatch(
      /^--tenant: .*UUID/,
    );
    expect(await refused(home, ...create, "--name", "old", "--expires-at", "2020-01-01T00:00:00Z")).toMatch(
      /^--expires-at: must be in the future/,
    );
    expect(await refused(home, "keys", "revoke", "1")).toMatch(/^id: .*UUID/);

    await service.stop();
    const listed = await cli(home, "keys", "list", "--tenant", acme.id);
    expect(listed).toMatchObject([
      { id: reader.id, scopes: ["channels:read"], expires_at: null, revoked_at: expect.stringMatching(/Z$/) },
      { id: lasting.id, expires_at: "2099-01-01T00:00:00.000Z", revoked_at: null },
    ]);
    expect(JSON.stringify(listed)).not.toContain(reader.api_key);
    expect((await cli(home, "keys", "list")).map(({ id }: { id: string }) => id)).toContain(operator.id);
  });
});

test("an embedded database that does not open ends a command, and is told", async () => {
  const dataDir = await makeTempDir();
  closers.push(() => removeDir(dataDir));
  await writeFile(join(dataDir, "postgres"), "no folder");
  const home = { dataDir, env: { JITSUDO_DATA_DIR: dataDir }, remove: () => undefined };
  expect(await refused(home, "tenants", "list")).toContain("the embedded database does not start");
});

test("who leaves before its command is answered ends its own connection alone", async () => {
  const home = await newHome("embedded");
  const service = await startIn(home);
  // More than is read at once, so that the service finds out by its answer alone.
  const commands = `${JSON.stringify({ command: "keys list", args: {} })}\n`.repeat(3_000);
  for (let n = 0; n < 20; n++) {
    const socket = createConnection(join(home.dataDir, "control.sock"));
    await once(
      socket.on("error", () => undefined),
      "connect",
    );
    socket.write(commands, () => socket.destroy());
    await once(socket, "close");
  }
  expect(await cli(home, "tenants", "list")).toHaveLength(1);
  expect(service.running()).toBe(true);
});

test("says what is wrong with a command before it does anything", async () => {
  const home = { dataDir: "/nowhere", env: { JITSUDO_DATA_DIR: "/nowhere" }, remove: () => undefined };
  const create = ["keys", "create", "--name", "k"];
  expect(await refused(home, ...create)).toContain("either --tenant or --operator");
  expect(await refused(home, ...create, "--operator", "--scopes", "events:write")).toContain(
    "has all scopes",
  );
  expect(await refused(home, ...create, "--tenant", nil, "--scopes", "all")).toContain("channels:read");
  expect(await refused(home, "tenants", "create")).toContain("--name");
  const limit = ["--operator", "--rate-limit", ""];
  expect(await refused(await newHome("embedded"), ...create, ...limit)).toMatch(
    /^--rate-limit: must be a whole number/,
  );
  const unknown = { ...home, env: { ...home.env, JITSUDO_POOL: "1" } };
  expect(await refused(unknown, "tenants", "list")).toMatch(/^JITSUDO_POOL: there is no such setting/);
});

test("says which version it is, as the service does", async () => {
  const { version } = JSON.parse(await readFile("package.json", "utf8"));
  expect(await runCli({}, "--version")).toEqual({ exit: 0, stdout: `${version}\n`, stderr: "" });
  const service = await startIn(await newHome("embedded"));
  const metrics = await (await fetch(`${service.url}/metrics`)).text();
  expect(metrics).toContain(`jitsudo_build_info{version="${version}"} 1`);
});

test("migrate: makes the schema once, on PostgreSQL", async () => {
  const dataDir = await makeTempDir();
  closers.push(() => removeDir(dataDir));
  const env = { JITSUDO_DATA_DIR: dataDir, DATABASE_URL: await createDatabase(inject("postgresUrl")) };
  const home = { dataDir, env, remove: () => undefined };
  const { migrations } = await cli(home, "migrate");
  expect(migrations[0]).toBe("0001-initial");
  expect(await cli(home, "migrate")).toEqual({ migrations: [] });
  // The service finds nothing left to do, and nothing gone.
  await cli(home, "tenants", "create", "--name", "early");
  const service = await startIn(home);
  expect(service.stderr()).not.toContain("database migrated");
  expect(await cli(home, "migrate")).toEqual({ migrations: [] });
  expect(await cli(home, "tenants", "list")).toMatchObject([{ name: "early" }]);
});

test("migrate: makes the embedded database, and leaves it to the service that runs", async () => {
  const parent = await makeTempDir();
  closers.push(() => removeDir(parent));
  const dataDir = join(parent, "not", "there");
  const home = { dataDir, env: { JITSUDO_DATA_DIR: dataDir }, remove: () => undefined };
  const { migrations } = await cli(home, "migrate");
  expect(migrations[0]).toBe("0001-initial");
  expect(await cli(home, "migrate")).toEqual({ migrations: [] });
  await startIn(home);
  expect(await refused(home, "migrate")).toContain("has migrated it at its start");
});
