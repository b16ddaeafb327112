import { type ChildProcess, spawn } from "node:child_process";
import { once } from "node:events";
import { mkdtemp, readFile, rm } from "node:fs/promises";
import { tmpdir } from "node:os";
import { extname, join } from "node:path";

/** The real service, for one's own tests. */
export interface TestService {
  /** For example "http://127.0.0.1:40001". */
  readonly baseUrl: string;
  /** A key of the tenant with all scopes. */
  readonly apiKey: string;
  readonly tenantId: string;
  /** Ends the service and removes its data. */
  close(): Promise<void>;
}

export interface TestServiceOptions {
  /** Further settings, as docs/configuration.md lists them: `{ JITSUDO_BACKOFF_BASE_MS: "10" }`. */
  settings?: Record<string, string>;
  /** How long the start may take, in milliseconds; default 60,000. */
  timeoutMs?: number;
}

/**
 * Starts the service in a process of its own, on a free loopback port, with its embedded
 * database in a temporary folder, one tenant and one key. The first start of a database
 * takes some seconds: start one service for many tests. Channels may point to loopback
 * addresses, and failed sends are repeated after milliseconds.
 *
 * @throws Error with what the service printed, when it does not start
 */
export async function startTestService(options: TestServiceOptions = {}): Promise<TestService> {
  const dataDir = await mkdtemp(join(tmpdir(), "jitsudo-notifications-"));
  const child = spawn(process.execPath, [servicePath], {
    env: { ...inheritedEnv(), ...quickSettings, ...options.settings, JITSUDO_DATA_DIR: dataDir },
    stdio: ["pipe", "pipe", "pipe"],
  });
  const exited = once(child, "close");
  async function close(): Promise<void> {
    child.kill("SIGKILL");
    await exited;
    await rm(dataDir, { recursive: true, force: true, maxRetries: 5 });
  }
  try {
    const baseUrl = await readyUrl(child, options.timeoutMs ?? 60_000);
    const credentials = JSON.parse(await readFile(join(dataDir, "credentials.json"), "utf8"));
    return { baseUrl, apiKey: credentials.api_key, tenantId: credentials.tenant_id, close };
  } catch (error) {
    await close();
    throw error;
  }
}

// A string is not rewritten by the compiler: the same extension as this file has.
const servicePath = join(import.meta.dirname, `service-process${extname(import.meta.filename)}`);

const quickSettings = {
  JITSUDO_LISTEN: "127.0.0.1:0",
  JITSUDO_LOG_LEVEL: "warn",
  JITSUDO_BACKOFF_BASE_MS: "50",
  JITSUDO_SLACK_PER_SECOND: "1000",
  JITSUDO_POLL_MS: "100",
};

/** What the caller has set for a service of its own must not reach this one. */
function inheritedEnv(): NodeJS.ProcessEnv {
  const foreign = /^(JITSUDO_|OTEL_|DATABASE_URL$|REDIS_URL$)/;
  return Object.fromEntries(Object.entries(process.env).filter(([name]) => !foreign.test(name)));
}

/** Waits for the line "ready <url>". */
function readyUrl({ stdout, stderr }: ChildProcess, timeoutMs: number): Promise<string> {
  return new Promise((resolve, reject) => {
    let printed = "";
    const fail = (why: string) => {
      clearTimeout(timer);
      reject(new Error(`The service did not start: ${why}\n${printed}`));
    };
    const timer = setTimeout(() => fail(`not within ${timeoutMs} ms`), timeoutMs);
    stderr?.on("data", (chunk) => {
      printed += chunk;
    });
    stdout?.on("data", (chunk) => {
      printed += chunk;
      const url = /^ready (\S+)$/m.exec(printed)?.[1];
      if (!url) return;
      clearTimeout(timer);
      resolve(url);
    });
    stdout?.on("close", () => fail("it has ended"));
  });
}
