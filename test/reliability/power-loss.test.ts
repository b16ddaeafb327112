import { copyFileSync, existsSync, mkdirSync, readdirSync, readFileSync, writeFileSync } from "node:fs";
import { dirname, join } from "node:path";
import { afterEach, beforeEach, expect, test } from "vitest";
import { createApi } from "../e2e/api.ts";
import { type HttpSink, startHttpSink } from "../sinks/http-sink.ts";
import { type Service, startService } from "../support/service.ts";
import { makeTempDir, removeDir } from "../support/temp-dir.ts";
import { until } from "../support/until.ts";
import { preload } from "./support/preload.ts";

// The embedded database keeps what was acknowledged when the machine loses power: only what was
// forced to disk is left then. (A PostgreSQL server sees to that itself.)

let folder: string;
let sink: HttpSink;
const services: Service[] = [];

beforeEach(async () => {
  folder = await makeTempDir();
  sink = await startHttpSink();
});

afterEach(async () => {
  for (const service of services.splice(0)) await service.close();
  await sink.close();
  removeDir(folder);
});

async function start(dataDir: string): Promise<Service> {
  const service = await startService({
    dataDir,
    timeoutMs: 60_000,
    env: {
      ...preload("record-disk"),
      RECORDED: join(dataDir, "postgres"),
      RECORD: join(folder, "record"),
      JITSUDO_LEASE_MS: "2000",
      JITSUDO_ATTEMPT_TIMEOUT_MS: "60000",
      JITSUDO_SHUTDOWN_GRACE_MS: "0",
    },
  });
  services.push(service);
  return service;
}

/** Lays out in `dataDir` what was on disk. */
function restoreDisk(before: string, dataDir: string): void {
  mkdirSync(dataDir);
  for (const file of ["encryption-key", "credentials.json"])
    copyFileSync(join(before, file), join(dataDir, file));
  const names = join(folder, "record", "names");
  for (const name of readdirSync(names)) {
    const path = join(dataDir, "postgres", decodeURIComponent(name));
    const kept = readFileSync(join(names, name), "utf8");
    const content = join(folder, "record", "contents", kept);
    mkdirSync(kept === "folder" ? path : dirname(path), { recursive: true, mode: 0o700 });
    if (existsSync(content)) copyFileSync(content, path);
    else if (kept !== "folder") writeFileSync(path, "");
  }
}

async function connect(service: Service) {
  const { tenant_id, api_key } = await service.credentials();
  return createApi(service.url, api_key, tenant_id);
}

test("what was acknowledged is still there after a loss of power, and is delivered", async () => {
  const before = join(folder, "before");
  sink.respond("/hook", { delayMs: 600_000 });
  const ids: string[] = [];
  const sendSome = async (service: Service) => {
    const api = await connect(service);
    for (let i = 0; i < 10; i++)
      ids.push((await api.ingest({ type: "grant.active", request_id: `${ids.length}` })).id);
  };

  const first = await start(before);
  await (await connect(first)).createWebhook(`${sink.url}/hook`);
  await sendSome(first);
  // Stopping in peace ends with a checkpoint, after which the log alone is no help any more.
  await first.stop();
  const second = await start(before);
  await sendSome(second);
  await second.kill();

  sink.respond("/hook", {});
  const after = join(folder, "after");
  restoreDisk(before, after);
  const third = await start(after);
  const api = await connect(third);
  await until(async () => (await api.deliveries({ state: "delivered" })).length === ids.length, {
    timeoutMs: 60_000,
  });
  const arrived = new Set(sink.to("/hook").map(({ body }) => JSON.parse(body).id));
  expect(ids.filter((id) => !arrived.has(id))).toEqual([]);
}, 180_000);
