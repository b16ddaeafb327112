import { shareRunning } from "../async/share-running.ts";
import type { Channel } from "../channels/channel.ts";
import { type StoredSettings, type TenantSettings, tenantSettings } from "../channels/tenant-settings.ts";
import { createTimeTexts } from "../channels/time-text.ts";
import { type ConfigObject, openConfig } from "./channel-secrets.ts";
import type { Database } from "./database.ts";
import type { SecretBox } from "./secret-box.ts";

/** A channel with what its tenant has set for all of its channels. */
export interface LoadedChannel {
  channel: Channel;
  settings: TenantSettings;
}

export interface ChannelLoader {
  /**
   * The channel as its sender needs it, at least as new as `version`. Throws when
   * its secrets cannot be opened.
   */
  load(channelId: string, version: string): Promise<LoadedChannel>;
}

interface Cached extends LoadedChannel {
  version: string;
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
  const cache = new Map<string, Cached>();
  const timeTextOf = createTimeTexts();
  // Deliveries that are claimed together ask together.
  const shared = shareRunning<Cached>();

  return {
    async load(channelId, version) {
      const cached = cache.get(channelId);
      if (cached?.version === version) return cached;
      const read = () => readChannel(database, box, channelId, timeTextOf);
      const loaded = await shared(`${channelId} ${version}`, read);
      cache.delete(channelId);
      cache.set(channelId, loaded);
      if (cached && cached.version !== loaded.version) onReplaced(cached.channel);
      if (cache.size > maxCached) forgetOldest(cache, onReplaced);
      return loaded;
    },
  };
}

interface ChannelAndSettings extends StoredSettings {
  id: string;
  tenantId: string;
  type: Channel["type"];
  config: ConfigObject;
  version: string;
}

async function readChannel(
  database: Database,
  box: SecretBox,
  channelId: string,
  timeTextOf: ReturnType<typeof createTimeTexts>,
): Promise<Cached> {
  const [row] = await database.query<ChannelAndSettings>(select, [channelId]);
  if (!row) throw new Error(`There is no channel ${channelId}`);
  const config = openConfig(box, row.id, row.type, row.config);
  const channel = { id: row.id, tenantId: row.tenantId, type: row.type, config } as unknown as Channel;
  return { version: row.version, channel, settings: tenantSettings(row, config, timeTextOf) };
}

function forgetOldest(cache: Map<string, Cached>, onReplaced: (channel: Channel) => void): void {
  const [oldest] = cache;
  if (!oldest) return;
  const [id, { channel }] = oldest;
  cache.delete(id);
  onReplaced(channel);
}

/* By the two primary keys. */
const select = {
  name: "load_channel",
  text: `
    select c.id, c.tenant_id as "tenantId", c.type, c.config, concat_ws(' ', c.updated_at, s.updated_at) as version,
      s.time_zone as "timeZone", s.product_name as "productName", s.logo_url as "logoUrl",
      s.link_base_url as "linkBaseUrl"
    from channel c left join tenant_settings s on s.tenant_id = c.tenant_id
    where c.id = $1`,
};
