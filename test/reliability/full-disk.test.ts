import { randomBytes } from "node:crypto";
import { rmSync, writeFileSync } from "node:fs";
import { join } from "node:path";
import { afterEach, beforeEach, expect, test } from "vitest";
import { type Api, createApi } from "../e2e/api.ts";
import { type HttpSink, startHttpSink } from "../sinks/http-sink.ts";
import { type Service, startService } from "../support/service.ts";
import { makeTempDir, removeDir } from "../support/temp-dir.ts";
import { until } from "../support/until.ts";
import { preload } from "./support/preload.ts";

// The embedded database on a disk that fills up: events are refused, and none that was acknowledged is lost.

let folder: string;
let sink: HttpSink;
let service: Service;
let api: Api;
const acknowledged: string[] = [];

beforeEach(async () => {
  folder = await makeTempDir();
  sink = await startHttpSink();
  await start();
  await api.createWebhook(`${sink.url}/hook`);
  acknowledged.length = 0;
});

afterEach(async () => {
  await service.close();
  await sink.close();
  removeDir(folder);
});

async function start(): Promise<void> {
  service = await startService({
    dataDir: join(folder, "data"),
    env: { ...preload("full-disk"), FULL: join(folder, "full") },
  });
  const { tenant_id, api_key } = await service.credentials();
  api = createApi(service.url, api_key, tenant_id);
}

const fill = (part: "base" | "pg_wal") => writeFileSync(join(folder, "full"), part);
const makeRoom = () => rmSync(join(folder, "full"));

/** An event that does not fit into what its tables have room for. */
async function send() {
  const pad = randomBytes(30_000).toString("base64");
  const answer = await api.send<{ id: string }>("POST", "/v1/events", {
    type: "grant.active",
    attributes: { pad },
  });
  if (answer.status === 202) acknowledged.push(answer.body.id);
  return answer;
}

async function expectAllDelivered(): Promise<void> {
  await until(async () => (await api.deliveries({ state: "delivered" })).length === acknowledged.length);
  const arrived = sink.to("/hook").map(({ body }) => JSON.parse(body).id);
  expect(arrived.sort()).toEqual(acknowledged.sort());
}

test("where its tables find no room, events are refused until there is some", async () => {
  expect(await send()).toMatchObject({ status: 202 });
  fill("base");
  expect(await send()).toMatchObject({ status: 503, body: { code: "unavailable" } });
  makeRoom();
  expect(await send()).toMatchObject({ status: 202 });
  await expectAllDelivered();
});

test("where its log finds no room, the process ends and says why, and its next start goes on", async () => {
  expect(await send()).toMatchObject({ status: 202 });
  await expectAllDelivered();
  fill("pg_wal");
  await expect(send()).rejects.toThrow();
  await until(() => !service.running());
  expect(service.stderr()).toContain("the embedded database has ended: could not write to");
  expect(service.stderr()).toContain("No space left on device");
  makeRoom();
  await start();
  expect(await send()).toMatchObject({ status: 202 });
  await expectAllDelivered();
});
