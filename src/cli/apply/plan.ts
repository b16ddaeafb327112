import type { NotificationsClient } from "../../clients/connect.ts";
import { Code, ConnectError, errorDetailOf, type NotificationChannel } from "../../clients/connect.ts";
import { maskedSecrets } from "../../store/channel-secrets.ts";
import type { Desired, DesiredChannel, DesiredSettings } from "./channels-file.ts";
import { patiently } from "./patiently.ts";
import { type Problem, stepsOf } from "./yaml-source.ts";

/** One step from what the server has to what the file wants. */
export type Change =
  | { kind: "create"; wanted: DesiredChannel }
  /** `fields`: those that differ, of the config as "config.<field>". */
  | { kind: "update"; wanted: DesiredChannel; channel: NotificationChannel; fields: string[] }
  | { kind: "delete"; channel: NotificationChannel }
  | { kind: "settings"; wanted: DesiredSettings; before: DesiredSettings; fields: SettingName[] };

export interface Plan {
  changes: Change[];
  /** How many channels are as the file wants them. */
  unchanged: number;
  /** Channels that the file does not name and that stay. */
  kept: NotificationChannel[];
}

/** The tenant's settings, as a message names them. */
const settingNames = ["timeZone", "productName", "logoUrl", "linkBaseUrl"] as const;
type SettingName = (typeof settingNames)[number];

/**
 * Compares the file with the server and changes nothing. Secrets never come out of the
 * server, so the server itself compares them (CompareChannel). Throws a FileError for
 * what the server would refuse, and ConnectErrors.
 */
export async function makePlan(client: NotificationsClient, desired: Desired, prune: boolean): Promise<Plan> {
  const existing = await allChannels(client);
  const byName = Map.groupBy(existing, ({ name }) => name);
  const problems: Problem[] = [];
  const changes: Change[] = [];
  const settings = desired.settings && (await compareSettings(client, desired.settings));
  if (settings) changes.push(settings);

  for (const wanted of desired.channels) {
    const [channel, second] = byName.get(wanted.name) ?? [];
    if (!channel) {
      problems.push(...nothingToKeep(wanted));
      changes.push({ kind: "create", wanted });
    } else if (second) {
      problems.push({ path: [...wanted.path, "name"], message: ambiguous(byName.get(wanted.name) ?? []) });
    } else if (channel.channelType !== wanted.type) {
      const message = `the channel ${channel.id} of this name is of type ${channel.channelType}, and a type cannot change: rename one, or delete that`;
      problems.push({ path: [...wanted.path, "channel_type"], message });
    } else {
      const fields = await compareChannel(client, wanted, channel, problems);
      if (fields.length > 0) changes.push({ kind: "update", wanted, channel, fields });
    }
  }
  if (problems.length > 0) throw desired.source.error(problems);

  const named = new Set(desired.channels.map(({ name }) => name));
  const others = existing.filter(({ name }) => !named.has(name));
  if (prune) changes.push(...others.map((channel) => ({ kind: "delete", channel }) as const));
  const changed = changes.filter(({ kind }) => kind === "create" || kind === "update").length;
  return { changes, unchanged: desired.channels.length - changed, kept: prune ? [] : others };
}

/** What an update is to send, the whole channel. */
export function updateOf(wanted: DesiredChannel, id: string) {
  const { name, enabled, ordered, eventFilters } = wanted;
  const config = wanted.config as NonNullable<NotificationChannel["config"]>;
  return { id, name, enabled, ordered, eventFilters, config };
}

async function allChannels(client: NotificationsClient): Promise<NotificationChannel[]> {
  const found: NotificationChannel[] = [];
  let pageToken = "";
  do {
    const request = { pageSize: 200, pageToken };
    const page = await patiently(() => client.channels.listChannels(request));
    found.push(...page.channels);
    pageToken = page.nextPageToken;
  } while (pageToken !== "");
  return found;
}

const everything = { paths: ["name", "config", "enabled", "ordered", "event_filters"] };

async function compareChannel(
  client: NotificationsClient,
  wanted: DesiredChannel,
  channel: NotificationChannel,
  problems: Problem[],
): Promise<string[]> {
  try {
    const update = { ...updateOf(wanted, channel.id), updateMask: everything };
    return (await patiently(() => client.channels.compareChannel(update))).changedFields;
  } catch (error) {
    const refused = problemsOf(error, wanted.path);
    if (refused.length === 0) throw error;
    problems.push(...refused);
    return [];
  }
}

/** What the server says is wrong with an entry of the file; empty when the failure is of another kind. */
export function problemsOf(error: unknown, path: (string | number)[]): Problem[] {
  if (!(error instanceof ConnectError) || error.code !== Code.InvalidArgument) return [];
  const fields = errorDetailOf(error)?.fields ?? [];
  return fields.map(({ field, message }) => ({
    path: [...path, ...stepsOf(field.replace(/^config\./, ""))],
    message,
  }));
}

/** A mask keeps a secret, and a new channel has none. */
function nothingToKeep({ type, config, path }: DesiredChannel): Problem[] {
  return maskedSecrets(type, config).map((secret) => ({
    path: [...path, ...secret.split("/")],
    message: "a mask keeps a secret, but this channel is new",
  }));
}

function ambiguous(channels: NotificationChannel[]): string {
  const ids = channels.map(({ id }) => id).join(", ");
  return `the server has ${channels.length} channels of this name (${ids}): rename or delete all but one`;
}

async function compareSettings(
  client: NotificationsClient,
  wanted: DesiredSettings,
): Promise<Change | undefined> {
  const current = await patiently(() => client.tenantSettings.getTenantSettings({}));
  const fields = settingNames.filter((name) => wanted[name] !== undefined && wanted[name] !== current[name]);
  const before = { ...wanted, ...Object.fromEntries(settingNames.map((name) => [name, current[name]])) };
  return fields.length === 0 ? undefined : { kind: "settings", wanted, before, fields };
}
