import { assertInstalled } from "./assert-installed.ts";
import { accountUnlessRoot, type Child, report, startChild } from "./child.ts";
import { freePort } from "./ports.ts";
import { makeTempDir, removeDir } from "./temp-dir.ts";
import { until } from "./until.ts";

const program = "/usr/bin/redis-server";

/** A real Redis without persistence, on a port of its own, which it keeps over restarts. */
export interface Redis {
  /** REDIS_URL. */
  readonly url: string;
  /** Ends the server; its keys are lost. */
  stop(): Promise<void>;
  start(): Promise<void>;
  /** Keeps connections open but answers nothing until `resume`. */
  pause(): void;
  resume(): void;
  /** Ends the server and removes its directory. */
  close(): Promise<void>;
}

/** Starts a Redis on 127.0.0.1. Throws when redis-server is not installed. */
export async function startRedis(): Promise<Redis> {
  assertInstalled(program, "Redis", "redis-server");
  const account = accountUnlessRoot("redis");
  const dir = await makeTempDir(account);
  const port = await freePort();
  const args = ["--port", `${port}`, "--bind", "127.0.0.1", "--dir", dir, "--save", "", "--appendonly", "no"];

  let child: Child | undefined;

  async function start(): Promise<void> {
    if (child?.running()) return;
    const server = await startChild(program, args, { account, cwd: dir });
    child = server;
    await until(() => !server.running() || server.stdout().includes("Ready to accept connections"));
    if (!server.running()) throw new Error(`Redis did not start\n${report(server)}`);
  }

  async function close(): Promise<void> {
    await child?.kill();
    removeDir(dir);
  }

  try {
    await start();
  } catch (error) {
    await close();
    throw error;
  }
  return {
    url: `redis://127.0.0.1:${port}`,
    async stop() {
      child?.signal("SIGTERM");
      await child?.waitForExit();
    },
    start,
    pause: () => child?.signal("SIGSTOP"),
    resume: () => child?.signal("SIGCONT"),
    close,
  };
}
