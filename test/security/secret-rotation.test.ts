import { randomBytes } from "node:crypto";
import { afterAll, beforeAll, describe, expect, inject, it } from "vitest";
import { type Api, createApi } from "../e2e/api.ts";
import { runCli } from "../e2e/cli.ts";
import { startHttpSink } from "../sinks/http-sink.ts";
import { startService } from "../support/service.ts";
import { withTempDir } from "../support/temp-dir.ts";
import { until } from "../support/until.ts";
import { openRig, type Rig } from "./rig.ts";

/** Making the embedded database takes long on a machine that is busy. */
const timeoutMs = 120_000;

const newKey = () => randomBytes(32).toString("base64");

interface Status {
  channels_rewritten?: number;
  keys: { key_id: string; configured: boolean; encrypts: boolean; secrets: number; channels: number }[];
}

async function secrets(env: Record<string, string>, command: string): Promise<Status> {
  const { exit, stdout, stderr } = await runCli(env, "secrets", command);
  expect(stderr).toBe("");
  expect(exit).toBe(0);
  return JSON.parse(stdout) as Status;
}

const counts = ({ keys }: Status) => keys.map(({ secrets, encrypts }) => [secrets, encrypts]);

describe("the rotation of encryption keys", () => {
  let rig: Rig;
  beforeAll(async () => {
    rig = await openRig(inject("postgresUrl"));
  });
  afterAll(() => rig.close());

  it("re-encrypts everything while the service runs and channels change, and deliveries go on", {
    timeout: 120_000,
  }, async () => {
    const [older, newer] = [newKey(), newKey()];
    const sink = await startHttpSink();
    const before = await rig.start({
      JITSUDO_ENCRYPTION_KEYS: older,
      JITSUDO_CHANNELS_PER_TENANT: "1000",
    });
    const tenant = await rig.createTenant("rotation");
    const key = await rig.createKey(tenant);
    const api = rig.api(before, key, tenant);
    const made: { id: string }[] = [];
    for (let index = 0; index < 230; index++) {
      const channel = await api.createChannel("generic-webhook", {
        name: `channel ${index}`,
        url: `${sink.url}/hook-${index}`,
        headers: { "x-a": "a", "x-b": "b" },
        event_filters: [index === 0 ? "grant.active" : "grant.revoked"],
      });
      made.push(channel);
    }
    await api.createChannel("email", {
      name: "mail",
      smtp_host: "127.0.0.1",
      smtp_port: 25,
      from_address: "a@example.com",
      to_addresses: ["b@example.com"],
      // What looks like a secret where none belongs.
      smtp_username: "sealed:v1:deadbeef:AAAA",
      smtp_password: "password",
    });
    await before.stop();

    const service = await rig.start({ JITSUDO_ENCRYPTION_KEYS: `${newer},${older}` });
    const env = { DATABASE_URL: rig.databaseUrl, JITSUDO_ENCRYPTION_KEYS: `${newer},${older}` };
    expect(counts(await secrets(env, "status"))).toEqual([
      [0, true],
      [230 * 3 + 1, false],
    ]);
    const changing = rig.api(service, key, tenant);
    let done = false;
    const changes = (async () => {
      let count = 0;
      while (!done) {
        const channel = made[count++ % made.length];
        const reply = await changing.send("PUT", `/v1/notification-channels/${channel?.id}`, {
          name: `n ${count}`,
        });
        expect(reply.status).toBe(200);
      }
      return count;
    })();
    const rotated = await secrets(env, "rotate");
    done = true;
    expect(await changes).toBeGreaterThan(10);
    expect(rotated.channels_rewritten).toBeGreaterThan(100);
    expect(counts(rotated)).toEqual([
      [230 * 3 + 1, true],
      [0, false],
    ]);
    expect((await secrets(env, "rotate")).channels_rewritten).toBe(0);
    await service.stop();

    const after = await rig.start({ JITSUDO_ENCRYPTION_KEYS: newer });
    const { body } = await rig.api(after, key, tenant).send<{ id: string }>("POST", "/v1/events", {
      type: "grant.active",
    });
    expect(body.id).toBeTruthy();
    const received = await until(() => sink.requests.find(({ path }) => path === "/hook-0"));
    expect(received.headers).toMatchObject({ "x-a": "a", "x-b": "b" });
    await sink.close();
  });

  it("is asked for when a key is missing: the service does not start, and says which setting to mend", {
    timeout: 120_000,
  }, async () => {
    const [used, other] = [newKey(), newKey()];
    const mine = await openRig(inject("postgresUrl"), { JITSUDO_ENCRYPTION_KEYS: used });
    const service = await mine.start();
    const tenant = await mine.createTenant("lost");
    const api = mine.api(service, await mine.createKey(tenant), tenant);
    await api.createChannel("generic-webhook", { name: "x", url: "http://127.0.0.1/x" });
    await service.stop();
    await expect(mine.start({ JITSUDO_ENCRYPTION_KEYS: other })).rejects.toThrow(
      /Cannot start: .*not configured: [0-9a-f]{8} \(1 secrets\).*JITSUDO_ENCRYPTION_KEYS/,
    );
    const env = { DATABASE_URL: mine.databaseUrl, JITSUDO_ENCRYPTION_KEYS: other };
    const lost = await secrets(env, "status");
    expect(lost.keys.map(({ configured, secrets }) => [configured, secrets])).toEqual([
      [true, 0],
      [false, 1],
    ]);
    const refused = await runCli(env, "secrets", "rotate");
    expect([refused.exit, refused.stderr]).toEqual([1, expect.stringContaining("JITSUDO_ENCRYPTION_KEYS")]);
    expect(counts(await secrets(env, "status"))).toEqual([
      [0, true],
      [1, false],
    ]);
    // A deleted channel keeps no secret, so none is missed.
    const again = await mine.start({ JITSUDO_ENCRYPTION_KEYS: `${other},${used}` });
    const [channel] = (
      await mine
        .api(again, await mine.createKey(tenant), tenant)
        .send<{ channels: { id: string }[] }>("GET", "/v1/notification-channels")
    ).body.channels;
    const last = mine.api(again, await mine.createKey(tenant), tenant);
    await last.send("DELETE", `/v1/notification-channels/${channel?.id}`);
    await again.stop();
    await mine.start({ JITSUDO_ENCRYPTION_KEYS: other });
    await mine.close();
  });

  it("works through the running process where the database is embedded", { timeout: 300_000 }, async () => {
    await withTempDir(async (dataDir) => {
      const [older, newer] = [newKey(), newKey()];
      const before = await startService({ dataDir, timeoutMs, env: { JITSUDO_ENCRYPTION_KEYS: older } });
      const { tenant_id, api_key } = await before.credentials();
      const api: Api = createApi(before.url, api_key, tenant_id);
      await api.createChannel("slack-webhook", { name: "s", webhook_url: "http://127.0.0.1/services/T/B/x" });
      await before.stop();
      await expect(
        startService({ dataDir, timeoutMs, env: { JITSUDO_ENCRYPTION_KEYS: newer } }),
      ).rejects.toThrow("not configured");
      const service = await startService({
        dataDir,
        timeoutMs,
        env: { JITSUDO_ENCRYPTION_KEYS: `${newer},${older}` },
      });
      // The process that owns the database has the keys: the command needs none.
      const env = { JITSUDO_DATA_DIR: dataDir };
      expect(counts(await secrets(env, "status"))).toEqual([
        [0, true],
        [1, false],
      ]);
      expect((await secrets(env, "rotate")).channels_rewritten).toBe(1);
      await service.stop();
      await (await startService({ dataDir, timeoutMs, env: { JITSUDO_ENCRYPTION_KEYS: newer } })).close();
    });
  });
});
