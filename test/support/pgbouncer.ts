import { writeFile } from "node:fs/promises";
import { join } from "node:path";
import { assertInstalled } from "./assert-installed.ts";
import { accountUnlessRoot, report, startChild } from "./child.ts";
import { freePort } from "./ports.ts";
import { makeTempDir, removeDir } from "./temp-dir.ts";
import { until } from "./until.ts";

const program = "/usr/sbin/pgbouncer";

/** A real PgBouncer on a port of its own, in front of one database. */
export interface PgBouncer {
  /** DATABASE_URL of the database through it. */
  readonly url: string;
  close(): Promise<void>;
}

/** Starts a PgBouncer with no settings but those that it needs. Throws when it is not installed. */
export async function startPgBouncer(databaseUrl: string, poolMode: string): Promise<PgBouncer> {
  assertInstalled(program, "PgBouncer", "pgbouncer");
  const account = accountUnlessRoot("postgres");
  const dir = await makeTempDir(account);
  const port = await freePort();
  const { hostname, port: server, pathname } = new URL(databaseUrl);
  const file = join(dir, "pgbouncer.ini");
  await writeFile(
    file,
    `[databases]
* = host=${hostname} port=${server} user=postgres
[pgbouncer]
listen_addr = 127.0.0.1
listen_port = ${port}
unix_socket_dir =
auth_type = any
pool_mode = ${poolMode}
`,
  );
  const child = await startChild(program, [file], { account, cwd: dir });
  await until(() => !child.running() || child.stderr().includes("process up"));
  if (!child.running()) throw new Error(`PgBouncer did not start\n${report(child)}`);
  return {
    url: `postgresql://postgres@127.0.0.1:${port}${pathname}`,
    async close() {
      await child.kill();
      removeDir(dir);
    },
  };
}
