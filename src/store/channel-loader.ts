import type { Channel } from "../channels/channel.ts";
import { type ConfigObject, openConfig } from "./channel-secrets.ts";
import type { Database } from "./database.ts";
import type { SecretBox } from "./secret-box.ts";

export interface ChannelLoader {
  /**
   * The channel as its sender needs it, at least as new as `version`. Throws when
   * its secrets cannot be opened.
   */
  load(channelId: string, version: string): Promise<Channel>;
}

interface Loaded {
  version: string;
  channel: Channel;
}

const maxCached = 10_000;

/**
 * The workers' view of channels: any tenant's, with secrets in clear text. Cached,
 * and never stale, since every claim says which version is current.
 * `onReplaced` hears of channels whose connections are to be dropped.
 */
export function createChannelLoader(
  database: Database,
  box: SecretBox,
  onReplaced: (channel: Channel) => void,
): ChannelLoader {
  const cache = new Map<string, Loaded>();

  return {
    async load(channelId, version) {
      const cached = cache.get(channelId);
      if (cached?.version === version) return cached.channel;
      const loaded = await read(database, box, channelId);
      cache.delete(channelId);
      cache.set(channelId, loaded);
      if (cached) onReplaced(cached.channel);
      if (cache.size > maxCached) forgetOldest(cache, onReplaced);
      return loaded.channel;
    },
  };
}

async function read(database: Database, box: SecretBox, channelId: string): Promise<Loaded> {
  const [row] = await database.query<{
    id: string;
    tenantId: string;
    type: Channel["type"];
    config: ConfigObject;
    version: string;
  }>(select, [channelId]);
  if (!row) throw new Error(`There is no channel ${channelId}`);
  const config = openConfig(box, row.id, row.type, row.config);
  const channel = { id: row.id, tenantId: row.tenantId, type: row.type, config } as unknown as Channel;
  return { version: row.version, channel };
}

function forgetOldest(cache: Map<string, Loaded>, onReplaced: (channel: Channel) => void): void {
  for (const [id, { channel }] of cache) {
    cache.delete(id);
    onReplaced(channel);
    return;
  }
}

/* By primary key. */
const select = {
  name: "load_channel",
  text: `select id, tenant_id as "tenantId", type, config, updated_at::text as version from channel where id = $1`,
};
