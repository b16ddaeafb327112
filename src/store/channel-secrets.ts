import type { ChannelConfigs, ChannelType } from "../channels/channel.ts";
import type { SecretBox } from "./secret-box.ts";

/** Any channel's config, seen as the JSON object that it is. */
export type ConfigObject = Record<string, unknown>;

/** Which fields of a config are secret, and how much of them a reader may see. */
const secretFields: {
  [Type in ChannelType]: { [Field in keyof ChannelConfigs[Type]]?: (value: string) => string };
} = {
  slack_webhook: { webhook_url: maskUrl },
  email: { smtp_password: maskAll },
  // Each value of `headers` is a secret of its own.
  generic_webhook: {
    url: maskUrl,
    headers: maskAll,
    signing_secret: maskAll,
    previous_signing_secret: maskAll,
  },
  aws_sns: {},
};

/** Stands for a secret. */
export const mask = "********";

function maskAll(): string {
  return mask;
}

/** Keeps the origin, which tells endpoints apart, and hides path and query, which carry the token. */
function maskUrl(url: string): string {
  const parsed = URL.parse(url);
  if (!parsed) return mask;
  const { origin, pathname, search } = parsed;
  return pathname === "/" && search === "" ? url : `${origin}/${mask}`;
}

/** The config for storage: every secret sealed. `channelId` binds it to its row. */
export function sealConfig(
  box: SecretBox,
  channelId: string,
  type: ChannelType,
  config: ConfigObject,
): ConfigObject {
  return mapSecrets(type, config, (value, path) => box.seal(value, `${channelId}/${path}`));
}

/** The config for sending: every secret in clear text. Throws when a key is missing. */
export function openConfig(
  box: SecretBox,
  channelId: string,
  type: ChannelType,
  config: ConfigObject,
): ConfigObject {
  return mapSecrets(type, config, (value, path) => box.open(value, `${channelId}/${path}`));
}

/** The config as callers set it: without what the service keeps beside that. */
export function callersConfig(config: ConfigObject): ConfigObject {
  const { previous_signing_secret: _secret, previous_signs_until: _until, ...callers } = config;
  return callers;
}

/**
 * A stored config with every secret sealed by the newest key; undefined when it is
 * so already. Throws when a key is missing.
 */
export function resealConfig(
  box: SecretBox,
  channelId: string,
  type: ChannelType,
  config: ConfigObject,
): ConfigObject | undefined {
  let stale = false;
  const next = mapSecrets(type, config, (value, path) => {
    if (box.keyIdOf(value) === box.keyIds[0]) return value;
    stale = true;
    const context = `${channelId}/${path}`;
    return box.seal(box.open(value, context), context);
  });
  return stale ? next : undefined;
}

/** Every secret field, as `<channel type>.<field>`. */
export function secretFieldNames(): string[] {
  return Object.entries(secretFields).flatMap(([type, fields]) =>
    Object.keys(fields).map((field) => `${type}.${field}`),
  );
}

/** The config for readers: every secret masked. Takes an opened config. */
export function maskConfig(type: ChannelType, config: ConfigObject): ConfigObject {
  return mapSecrets(type, callersConfig(config), (value, _path, maskOne) => maskOne(value));
}

/** Puts the current secrets back where `next` holds just their masks. */
export function unmaskConfig(type: ChannelType, next: ConfigObject, current: ConfigObject): ConfigObject {
  const masks = maskConfig(type, current);
  return mapSecrets(type, next, (value, path) =>
    valueAt(masks, path) === value ? (valueAt(current, path) ?? value) : value,
  );
}

/** The secrets, by path such as "headers/Authorization", that hold a mask instead of a secret. */
export function maskedSecrets(type: ChannelType, config: ConfigObject): string[] {
  return secretPaths(type, config, (value) => value.includes(mask));
}

/** The secrets, by path, of which `next` holds just the masks. */
export function keptSecrets(type: ChannelType, next: ConfigObject, current: ConfigObject): string[] {
  const masks = maskConfig(type, current);
  return secretPaths(type, next, (value, path) => valueAt(masks, path) === value);
}

function secretPaths(
  type: ChannelType,
  config: ConfigObject,
  isMeant: (value: string, path: string) => boolean,
): string[] {
  const paths: string[] = [];
  mapSecrets(type, config, (value, path) => {
    if (isMeant(value, path)) paths.push(path);
    return value;
  });
  return paths;
}

function mapSecrets(
  type: ChannelType,
  config: ConfigObject,
  map: (value: string, path: string, maskOne: (value: string) => string) => string,
): ConfigObject {
  const masks: Record<string, (value: string) => string> = secretFields[type];
  return Object.fromEntries(
    Object.entries(config).map(([field, value]) => {
      // A caller's config may have a field named "constructor".
      const maskOne = Object.hasOwn(masks, field) ? masks[field] : undefined;
      if (maskOne === undefined) return [field, value];
      if (typeof value === "string") return [field, map(value, field, maskOne)];
      if (typeof value !== "object" || value === null) return [field, value];
      const entries = Object.entries(value).map(([key, item]) => [
        key,
        typeof item === "string" ? map(item, `${field}/${key}`, maskOne) : item,
      ]);
      return [field, Object.fromEntries(entries)];
    }),
  );
}

function valueAt(config: ConfigObject, path: string): string | undefined {
  const [field = "", ...rest] = path.split("/");
  const value = config[field];
  if (rest.length === 0) return typeof value === "string" ? value : undefined;
  const item = (value as Record<string, unknown> | undefined)?.[rest.join("/")];
  return typeof item === "string" ? item : undefined;
}
