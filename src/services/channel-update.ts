import type { JsonObject } from "@bufbuild/protobuf";
import type { UpdateChannelRequest } from "../../gen/jitsudo/notifications/v1/channel_pb.js";
import { callersConfig, unmaskConfig } from "../store/channel-secrets.ts";
import type { ChannelSettings, StoredChannel } from "../store/channel-store.ts";
import { createRequests, settingsOf } from "./channel-settings.ts";
import { configViolations, maskViolations, movedSecrets } from "./config-checks.ts";
import { type FieldViolation, invalidField, invalidFields, refuse } from "./errors.ts";
import type { FieldValidator } from "./field-validator.ts";
import { decodeJson } from "./json-violations.ts";

const updatable = ["name", "config", "enabled", "event_filters", "ordered"] as const;
type Updatable = (typeof updatable)[number];
/** What the create calls take beside a config. */
const noConfig: readonly string[] = [...updatable, "unique_name"];

/**
 * What an update makes of a channel: the fields that it names, the rest as it was.
 * The result must be what the create call of the channel's type would accept, so
 * there is one set of rules. Throws invalid_argument.
 */
export function changeSettings(
  current: StoredChannel,
  request: UpdateChannelRequest,
  validate: FieldValidator,
): ChannelSettings {
  const named = namedFields(request);
  const config = named.has("config")
    ? (unmaskConfig(current.type, request.config ?? {}, current.config) as JsonObject)
    : (callersConfig(current.config) as JsonObject);
  const clashes = Object.keys(config).filter((key) => noConfig.includes(key));
  refuse(clashes.map((key) => ({ field: `config.${key}`, message: "unknown field" })));

  const json = {
    ...config,
    name: named.has("name") ? (request.name ?? "") : current.name,
    enabled: named.has("enabled") ? (request.enabled ?? true) : current.enabled,
    ordered: named.has("ordered") ? (request.ordered ?? true) : current.ordered,
    event_filters: named.has("event_filters") ? request.eventFilters : current.eventFilters,
  };
  const { message, violations } = decodeJson(createRequests[current.type], json, validate);
  if (!message) throw invalidFields(violations.map(inConfig));
  const settings = settingsOf(current.type, message);
  const unfit = [
    ...configViolations(settings.config),
    ...maskViolations(current.type, settings.config),
    ...(named.has("config") ? movedSecrets(current.type, request.config ?? {}, current.config) : []),
  ];
  refuse(unfit.map(inConfig));
  return settings;
}

/** The mask, else, or if it is empty, what is set. Throws for names that cannot be updated. */
function namedFields(request: UpdateChannelRequest): Set<Updatable> {
  const { paths = [] } = request.updateMask ?? {};
  if (paths.length > 0) {
    const unknown = paths.filter((path) => !(updatable as readonly string[]).includes(path) && path !== "id");
    if (unknown.length > 0) {
      const message = `names ${unknown.join(", ")}, but only ${updatable.join(", ")} can be updated`;
      throw invalidField("update_mask", message);
    }
    return new Set(paths as Updatable[]);
  }
  const set: Updatable[] = [];
  if (request.name !== undefined) set.push("name");
  if (request.config !== undefined) set.push("config");
  if (request.enabled !== undefined) set.push("enabled");
  if (request.ordered !== undefined) set.push("ordered");
  if (request.eventFilters.length > 0) set.push("event_filters");
  return new Set(set);
}

function inConfig({ field, message }: FieldViolation): FieldViolation {
  const [top = ""] = field.split(/[.[]/);
  return (updatable as readonly string[]).includes(top)
    ? { field, message }
    : { field: `config.${field}`, message };
}
