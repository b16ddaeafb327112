import type { ChannelType } from "../channels/channel.ts";
import { firstId } from "../uuid-v7.ts";
import { type ConfigObject, resealConfig, secretFieldNames } from "./channel-secrets.ts";
import type { Database } from "./database.ts";
import type { SecretBox } from "./secret-box.ts";

/** How many secrets are sealed with one encryption key. */
export interface KeyUse {
  keyId: string;
  secrets: number;
  channels: number;
}

const batch = 100;

/** Counts the secrets of all tenants by the key that seals them. */
export function countSecrets(database: Database): Promise<KeyUse[]> {
  return database.query<KeyUse>(countByKey, [secretFieldNames()]);
}

/** Throws when secrets are stored that none of the keys opens; the message says what to do. */
export async function assertSecretsOpen(database: Database, box: SecretBox): Promise<void> {
  const lost = (await countSecrets(database)).filter(({ keyId }) => !box.keyIds.includes(keyId));
  if (lost.length === 0) return;
  const list = lost.map(({ keyId, secrets }) => `${keyId} (${secrets} secrets)`).join(", ");
  throw new Error(
    `the database holds secrets under encryption keys that are not configured: ${list}. ` +
      "JITSUDO_ENCRYPTION_KEYS must hold every key in use, separated by commas; a key that the " +
      "service made itself is in the file encryption-key of the data folder.",
  );
}

/**
 * Seals every secret anew with the first key, a batch of channels at a time. The
 * service may run meanwhile: a channel that somebody changes at that moment is left
 * as it is and taken again. Answers how many channels were rewritten. Throws when a
 * secret cannot be opened; what was rewritten stays so.
 */
export async function rotateSecrets(database: Database, box: SecretBox): Promise<number> {
  let rewritten = 0;
  for (let after = firstId; ; ) {
    const rows = await database.query<StoredConfig>(selectBatch, [after, batch]);
    const last = rows.at(-1);
    if (!last) return rewritten;
    const stale = rows.flatMap(({ id, type, config, text }) => {
      const next = resealConfig(box, id, type, config);
      return next ? [{ id, text, next: JSON.stringify(next) }] : [];
    });
    const done = await database.query(replaceConfigs, [
      stale.map(({ id }) => id),
      stale.map(({ text }) => text),
      stale.map(({ next }) => next),
    ]);
    rewritten += done.length;
    // Else some were changed meanwhile: the same batch again.
    if (done.length === stale.length) after = last.id;
  }
}

interface StoredConfig {
  id: string;
  type: ChannelType;
  config: ConfigObject;
  /** The config as the database writes it, to notice that it was changed meanwhile. */
  text: string;
}

/*
 * Reads the whole table, once at each start. Only fields that are always sealed are
 * looked at: in any other, a tenant could write what looks like a secret.
 */
const countByKey = {
  name: "count_secrets_by_key",
  text: `
    select split_part(secret, ':', 3) as "keyId", count(*)::int as secrets,
      count(distinct channel_id)::int as channels
    from (
      select c.id as channel_id, field.value #>> '{}' as secret
      from channel c cross join lateral jsonb_each(c.config) field
      where c.type || '.' || field.key = any ($1::text[]) and jsonb_typeof(field.value) = 'string'
      union all
      select c.id, item.value
      from channel c cross join lateral jsonb_each(c.config) field
      cross join lateral jsonb_each_text(
        case when jsonb_typeof(field.value) = 'object' then field.value else '{}' end) item
      where c.type || '.' || field.key = any ($1::text[])
    ) sealed
    where secret like 'sealed:v1:%'
    group by 1 order by 1`,
};

/* Along the primary key; locks nothing. */
const selectBatch = {
  name: "select_configs",
  text: `select id, type, config, config::text as text from channel where id > $1 order by id limit $2`,
};

/*
 * By primary key; locks the rows that it writes until its end. updated_at stays:
 * what the channel means has not changed, so nobody needs to load it anew.
 */
const replaceConfigs = {
  name: "replace_configs",
  text: `
    update channel c set config = i.next::jsonb
    from unnest($1::uuid[], $2::text[], $3::text[]) as i (id, was, next)
    where c.id = i.id and c.config = i.was::jsonb
    returning c.id`,
};
