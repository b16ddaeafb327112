import { readFileSync } from "node:fs";
import { dirname } from "node:path";
import type { DescMessage, JsonValue, MessageShape } from "@bufbuild/protobuf";
import { UpdateTenantSettingsRequestSchema } from "../../../gen/jitsudo/notifications/v1/tenant_settings_pb.js";
import type { ChannelType } from "../../channels/channel.ts";
import { type CreateRequest, createRequests, settingsOf } from "../../services/channel-settings.ts";
import { configViolations, timeZoneProblem } from "../../services/config-checks.ts";
import type { FieldViolation } from "../../services/errors.ts";
import { createFieldValidator } from "../../services/field-validator.ts";
import { decodeJson } from "../../services/json-violations.ts";
import type { ChannelSettings } from "../../store/channel-store.ts";
import { resolveReferences } from "./references.ts";
import { FileError, type Problem, parseYaml, stepsOf, type YamlSource } from "./yaml-source.ts";

/** A channel as the file wants it. */
export interface DesiredChannel extends ChannelSettings {
  type: ChannelType;
  request: CreateRequest;
  /** Where the values of some fields come from: they are not shown. */
  sources: Map<string, string>;
  /** Where it stands in the file. */
  path: (string | number)[];
}

export type DesiredSettings = MessageShape<typeof UpdateTenantSettingsRequestSchema>;

/** What the file wants a tenant to have. */
export interface Desired {
  channels: DesiredChannel[];
  /** Whether the file has a list of channels, be it an empty one. */
  listsChannels: boolean;
  /** Undefined: the file says nothing about them. */
  settings: DesiredSettings | undefined;
  source: YamlSource;
}

const validate = createFieldValidator();

/**
 * Reads a channels file by the rules of the service itself, all that can be known
 * without asking it. Throws a FileError that names every problem.
 */
export function readChannelsFile(path: string, env: NodeJS.ProcessEnv): Desired {
  const source = parseYaml(path, readText(path));
  const problems: Problem[] = [];
  const top = objectAt(source.value, [], problems);
  for (const key of Object.keys(top)) {
    if (key !== "channels" && key !== "tenant_settings") {
      problems.push({ path: [key], message: "unknown field; there are channels and tenant_settings" });
    }
  }
  const list = top.channels ?? [];
  if (!Array.isArray(list)) problems.push({ path: ["channels"], message: "must be a list" });
  const channels = (Array.isArray(list) ? list : []).flatMap((entry, index) =>
    readChannel(entry, ["channels", index], dirname(path), env, problems),
  );
  const settings = readSettings(top.tenant_settings, problems);
  problems.push(...repeatedNames(channels, source));
  if (problems.length > 0) throw source.error(problems);
  return { channels, listsChannels: Array.isArray(top.channels), settings, source };
}

function readText(path: string): string {
  try {
    return readFileSync(path, "utf8");
  } catch (error) {
    throw new FileError(`${path} cannot be read: ${(error as Error).message}`);
  }
}

function readChannel(
  entry: unknown,
  path: (string | number)[],
  folder: string,
  env: NodeJS.ProcessEnv,
  problems: Problem[],
): DesiredChannel[] {
  const resolved = resolveReferences(entry, folder, env);
  if (resolved.problems.length > 0) {
    problems.push(...resolved.problems.map((problem) => ({ ...problem, path: [...path, ...problem.path] })));
    return [];
  }
  if (resolved.sources.has("name")) {
    const message = "must stand in the file itself: it is shown, and finds the channel again";
    problems.push({ path: [...path, "name"], message });
    return [];
  }
  const { channel_type: type, ...json } = objectAt(resolved.value, path, problems);
  if (typeof type !== "string" || !Object.hasOwn(createRequests, type)) {
    const message = `must be one of ${Object.keys(createRequests).join(", ")}`;
    problems.push({ path: [...path, "channel_type"], message });
    return [];
  }
  const channelType = type as ChannelType;
  const request = decode(createRequests[channelType], json, path, problems) as CreateRequest | undefined;
  if (!request) return [];
  const settings = settingsOf(channelType, request);
  const unfit = configViolations(settings.config);
  if (settings.config.generate_signing_secret) {
    const message = "is for single calls: a secret that the server makes is shown once. Give signing_secret";
    unfit.push({ field: "generate_signing_secret", message });
  }
  if (request.uniqueName) {
    unfit.push({ field: "unique_name", message: "is for single calls: a name is always unique here" });
  }
  problems.push(...problemsAt(path, unfit));
  return [{ ...settings, type: channelType, request, sources: resolved.sources, path }];
}

function readSettings(value: unknown, problems: Problem[]): DesiredSettings | undefined {
  if (value === undefined) return undefined;
  const path = ["tenant_settings"];
  const settings = decode(UpdateTenantSettingsRequestSchema, value as JsonValue, path, problems);
  // As the service stores it, so that a repeated run finds no difference.
  if (settings?.productName !== undefined) settings.productName = settings.productName.trim();
  const problem = settings?.timeZone && timeZoneProblem(settings.timeZone);
  if (problem) problems.push({ path: [...path, "time_zone"], message: problem });
  return settings;
}

function decode<Desc extends DescMessage>(
  desc: Desc,
  json: JsonValue,
  path: (string | number)[],
  problems: Problem[],
): MessageShape<Desc> | undefined {
  const { message, violations } = decodeJson(desc, json, validate);
  problems.push(...problemsAt(path, violations));
  return message;
}

function problemsAt(path: (string | number)[], violations: FieldViolation[]): Problem[] {
  return violations.map(({ field, message }) => ({ path: [...path, ...stepsOf(field)], message }));
}

function objectAt(value: unknown, path: (string | number)[], problems: Problem[]): Record<string, JsonValue> {
  if (typeof value === "object" && value !== null && !Array.isArray(value)) {
    return value as Record<string, JsonValue>;
  }
  problems.push({
    path,
    message: path.length === 0 ? "the file must be a mapping with channels" : "must be a mapping",
  });
  return {};
}

/** The name is what finds a channel again, so there can be one of it. */
function repeatedNames(channels: DesiredChannel[], source: YamlSource): Problem[] {
  const first = new Map<string, DesiredChannel>();
  return channels.flatMap((channel) => {
    const other = first.get(channel.name);
    if (!other) {
      first.set(channel.name, channel);
      return [];
    }
    const message = `"${channel.name}" is the name of the channel on line ${source.lineOf(other.path)} too`;
    return [{ path: [...channel.path, "name"], message }];
  });
}
