import { execFile } from "node:child_process";
import { randomBytes } from "node:crypto";
import { existsSync, globSync } from "node:fs";
import { join } from "node:path";
import { promisify } from "node:util";
import { accountUnlessRoot, type Child, report, startChild } from "./child.ts";
import { freePort } from "./ports.ts";
import { makeTempDir, removeDir } from "./temp-dir.ts";
import { until } from "./until.ts";

const run = promisify(execFile);

/** How PostgreSQL stops: wait for clients, disconnect them, or leave the rest to crash recovery. */
export type StopMode = "smart" | "fast" | "immediate";

const stopSignals = { smart: "SIGTERM", fast: "SIGINT", immediate: "SIGQUIT" } as const;

/** A real PostgreSQL on a port and in a directory of its own, which it keeps over restarts. */
export interface Postgres {
  /** DATABASE_URL of the database "postgres". */
  readonly url: string;
  /** Makes an empty database and returns its DATABASE_URL. */
  createDatabase(name?: string): Promise<string>;
  /** Default mode "fast". */
  stop(mode?: StopMode): Promise<void>;
  start(): Promise<void>;
  restart(mode?: StopMode): Promise<void>;
  /** Ends the server and its backends with SIGKILL, as a crash of the machine would. */
  kill(): Promise<void>;
  /** Ends the server and removes its directory. */
  close(): Promise<void>;
}

/**
 * Makes and starts a PostgreSQL that accepts everybody from 127.0.0.1. With
 * `fsync` false (the default) commits are not forced to disk: they survive
 * every crash of the server, not one of the machine. Throws when the binaries
 * are not installed.
 */
export async function startPostgres({ fsync = false } = {}): Promise<Postgres> {
  const bin = findBinaries();
  const account = accountUnlessRoot("postgres");
  const dir = await makeTempDir(account);
  const data = join(dir, "data");
  await run(
    join(bin, "initdb"),
    ["--pgdata", data, "--username=postgres", "--auth=trust", "--encoding=UTF8", "--no-locale", "--no-sync"],
    { ...account, cwd: dir },
  );
  const port = await freePort();
  const url = `postgresql://postgres@127.0.0.1:${port}/postgres`;
  const settings = {
    port,
    listen_addresses: "127.0.0.1",
    unix_socket_directories: "",
    max_connections: 300,
    fsync: fsync ? "on" : "off",
    full_page_writes: fsync ? "on" : "off",
  };
  const args = [
    "-D",
    data,
    ...Object.entries(settings).flatMap(([name, value]) => ["-c", `${name}=${value}`]),
  ];

  let child: Child | undefined;

  async function start(): Promise<void> {
    if (child?.running()) return;
    const server = await startChild(join(bin, "postgres"), args, { account, cwd: dir });
    child = server;
    await until(async () => !server.running() || (await run(join(bin, "pg_isready"), ["--dbname", url])));
    if (!server.running()) throw new Error(`PostgreSQL did not start\n${report(server)}`);
  }

  async function stop(mode: StopMode = "fast"): Promise<void> {
    child?.signal(stopSignals[mode]);
    await child?.waitForExit();
  }

  async function kill(): Promise<void> {
    if (!child?.running()) return;
    const backends = await childrenOf(child.pid);
    child.signal("SIGKILL");
    // Backends notice the loss by themselves, but a new server must not find them still there.
    for (const pid of backends) killIfThere(pid);
    await child.exited;
    await until(() => backends.every((pid) => !existsSync(`/proc/${pid}`)));
  }

  async function close(): Promise<void> {
    await kill();
    removeDir(dir);
  }

  try {
    await start();
  } catch (error) {
    await close();
    throw error;
  }
  return {
    url,
    createDatabase: (name) => createDatabase(url, name),
    stop,
    start,
    async restart(mode) {
      await stop(mode);
      await start();
    },
    kill,
    close,
  };
}

/** Makes an empty database (default: with a name of its own) in the server of `url` and returns its URL. */
export async function createDatabase(url: string, name?: string): Promise<string> {
  const database = name ?? `test_${randomBytes(6).toString("hex")}`;
  await run(join(findBinaries(), "createdb"), ["--maintenance-db", url, database]);
  return Object.assign(new URL(url), { pathname: `/${database}` }).href;
}

export function findBinaries(): string {
  // Debian keeps every major version in a folder of its own; the newest one is taken.
  const versions = globSync("/usr/lib/postgresql/*/bin/postgres")
    .map((path) => Number(path.split("/")[4]))
    .sort((a, b) => b - a);
  if (versions[0] === undefined) {
    throw new Error(
      "The tests need PostgreSQL: install the Debian package postgresql (apt-get install postgresql)",
    );
  }
  return `/usr/lib/postgresql/${versions[0]}/bin`;
}

async function childrenOf(pid: number): Promise<number[]> {
  const { stdout } = await run("ps", ["--no-headers", "-o", "pid", "--ppid", String(pid)]);
  return stdout.split("\n").filter(Boolean).map(Number);
}

function killIfThere(pid: number): void {
  try {
    process.kill(pid, "SIGKILL");
  } catch (error) {
    // ESRCH: it has ended meanwhile.
    if (!(error instanceof Error && "code" in error && error.code === "ESRCH")) throw error;
  }
}
