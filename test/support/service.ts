import { readFile } from "node:fs/promises";
import { join, resolve } from "node:path";
import { report, startChild } from "./child.ts";
import { makeTempDir, removeDir } from "./temp-dir.ts";
import { until } from "./until.ts";

const root = resolve(import.meta.dirname, "../..");

/** The tenant and the key that the first start in embedded mode makes. */
export interface Credentials {
  tenant_id: string;
  api_key: string;
}

/** The real service as a process of its own. */
export interface Service {
  /** For example "http://127.0.0.1:40001". */
  readonly url: string;
  /** "127.0.0.1:40001", as grpc-js wants it. */
  readonly address: string;
  readonly dataDir: string;
  /** Reads `credentials.json` of the data folder. Throws when there is none: not in embedded mode. */
  credentials(): Promise<Credentials>;
  /** What the process has written so far. */
  stdout(): string;
  stderr(): string;
  running(): boolean;
  /** Sends the signal (default SIGTERM) and resolves with the exit code or the signal that ended the process. */
  stop(signal?: NodeJS.Signals): Promise<number | NodeJS.Signals>;
  /** SIGKILL. */
  kill(): Promise<void>;
  signal(signal: NodeJS.Signals): void;
  pause(): void;
  resume(): void;
  /** Kills the process if it still runs and removes the data folder, unless the caller had given it. */
  close(): Promise<void>;
}

export interface ServiceOptions {
  /** Variables for the service; nothing else of DATABASE_URL and the like is passed on. */
  env?: Record<string, string>;
  /** Default: a new folder, removed in `close`. */
  dataDir?: string;
  /** How long the start may take, in milliseconds; default 30,000. */
  timeoutMs?: number;
}

/**
 * Starts `src/main.ts` on a free port and waits for its line
 * `ready http://<address>`. Throws, with all that was printed, when the process
 * ends before or takes too long.
 */
export async function startService(options: ServiceOptions = {}): Promise<Service> {
  const dataDir = options.dataDir ?? (await makeTempDir());
  const removeData = () => {
    if (options.dataDir === undefined) removeDir(dataDir);
  };
  const child = await startChild(join(root, "node_modules/.bin/node"), ["src/main.ts"], {
    cwd: root,
    env: {
      PATH: process.env.PATH,
      HOME: process.env.HOME,
      NODE_COMPILE_CACHE: process.env.NODE_COMPILE_CACHE,
      JITSUDO_LISTEN: "127.0.0.1:0",
      JITSUDO_DATA_DIR: dataDir,
      // Where the sinks are; for the embedded database it is the default.
      ...(options.env?.DATABASE_URL && { JITSUDO_ALLOW_DESTINATIONS: "127.0.0.0/8,::1/128" }),
      ...options.env,
    },
  });
  const readyUrl = () => /^ready.*?(https?:\/\/\S+)/m.exec(child.stdout())?.[1];
  try {
    await until(() => !child.running() || readyUrl(), { timeoutMs: options.timeoutMs ?? 30_000 });
    const url = readyUrl();
    if (!url) throw new Error("It ended before it was ready");
    return {
      url,
      address: new URL(url).host,
      dataDir,
      credentials: async () => JSON.parse(await readFile(join(dataDir, "credentials.json"), "utf8")),
      stdout: child.stdout,
      stderr: child.stderr,
      running: child.running,
      async stop(signal = "SIGTERM") {
        child.signal(signal);
        return child.waitForExit();
      },
      kill: child.kill,
      signal: child.signal,
      pause: () => child.signal("SIGSTOP"),
      resume: () => child.signal("SIGCONT"),
      async close() {
        await child.kill();
        removeData();
      },
    };
  } catch (error) {
    await child.kill();
    removeData();
    throw new Error(`The service did not start\n${report(child)}`, { cause: error });
  }
}
