import { pino } from "pino";
import { expect, test } from "vitest";
import { makeSigningSecret } from "../src/channels/signing-key.ts";
import { createChannelStore } from "../src/store/channel-store.ts";
import { openDatabase } from "../src/store/database.ts";
import { removeOldSigningSecrets } from "../src/store/old-signing-secrets.ts";
import { createSecretBox } from "../src/store/secret-box.ts";
import { makeTempDir, removeDir } from "./support/temp-dir.ts";

test("secrets that were rotated out are taken off the disk once their overlap has ended", async () => {
  const dataDir = await makeTempDir();
  const database = await openDatabase({ dataDir, poolSize: 2, log: pino({ level: "silent" }) });
  try {
    await database.migrate();
    const tenantId = crypto.randomUUID();
    await database.query(
      { name: "add_tenant", text: "insert into tenant (id, name, created_at) values ($1, 'x', now())" },
      [tenantId],
    );
    const channels = createChannelStore(database, createSecretBox([Buffer.alloc(32, 1)]), tenantId);
    const createWith = async (config: Record<string, unknown>) => {
      const common = { name: "x", enabled: true, ordered: true, eventFilters: [] };
      const all = { url: "https://a.example.com/", signing_secret: "current", ...config };
      const created = await channels.create(
        "generic_webhook",
        { ...common, config: all },
        { type: "service" },
        { uniqueName: false, maxChannels: 3 },
      );
      if (typeof created === "string") throw new Error(`No channel was made: ${created}`);
      return created;
    };
    const previous = (untilMs: number) => ({
      previous_signing_secret: makeSigningSecret("symmetric"),
      previous_signs_until: new Date(Date.now() + untilMs).toISOString(),
    });
    const [over, overlapping, plain] = await Promise.all([
      createWith(previous(-1)),
      createWith(previous(60_000)),
      createWith({}),
    ]);

    expect(await removeOldSigningSecrets(database)).toBe(1);
    expect(await removeOldSigningSecrets(database)).toBe(0);
    const left = await channels.get(over.id);
    expect(left?.config).toEqual({ url: "https://a.example.com/", signing_secret: "current" });
    expect(left?.updatedAt).toEqual(over.updatedAt);
    for (const { id, config } of [overlapping, plain])
      expect((await channels.get(id))?.config).toEqual(config);
  } finally {
    await database.close();
    removeDir(dataDir);
  }
});
