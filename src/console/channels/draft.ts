import type { JsonObject, JsonValue } from "@bufbuild/protobuf";
import type { NotificationChannel } from "../../../gen/jitsudo/notifications/v1/channel_pb.js";
import { type ConfigField, type KindName, kinds } from "./kinds.ts";

/** What a form holds: texts, as they were typed. */
export interface Draft {
  name: string;
  config: Record<string, string>;
  headers: HeaderDraft[];
  /** Undefined: all events. */
  events: string[] | undefined;
  ordered: boolean;
  /** Whose own parts the form does not show, as they came from the service. */
  rest: JsonObject;
}

export interface HeaderDraft {
  /** Tells rows apart while their names are typed. */
  id: number;
  name: string;
  value: string;
}

export function emptyDraft(): Draft {
  return { name: "", config: {}, headers: [], events: undefined, ordered: true, rest: {} };
}

export function draftOf(kind: KindName, channel: NotificationChannel): Draft {
  const config: JsonObject = channel.config ?? {};
  const { fields } = kinds[kind];
  const shown = new Set(fields.map(({ name }) => name));
  const texts = fields
    .filter(({ input }) => input !== "headers")
    .map(({ name }) => [name, textOf(config[name])] as const);
  return {
    name: channel.name,
    config: Object.fromEntries(texts),
    headers: Object.entries((config.headers as JsonObject | undefined) ?? {}).map(([name, value], id) => ({
      id,
      name,
      value: String(value),
    })),
    events: channel.eventFilters.length > 0 ? channel.eventFilters : undefined,
    ordered: channel.ordered,
    rest: Object.fromEntries(Object.entries(config).filter(([name]) => !shown.has(name))),
  };
}

/** The config as the API wants it. What is empty is left out, so that the service says what it needs. */
export function configOf(kind: KindName, draft: Draft): JsonObject {
  const entries = kinds[kind].fields.flatMap((field) => {
    const value = jsonOf(field, draft);
    return value === undefined ? [] : [[field.name, value] as const];
  });
  return { ...draft.rest, ...Object.fromEntries(entries) };
}

function jsonOf({ name, input }: ConfigField, { config, headers }: Draft): JsonValue | undefined {
  const text = config[name] ?? "";
  switch (input) {
    case "headers": {
      const named = headers.filter((header) => header.name !== "" || header.value !== "");
      return named.length > 0 ? Object.fromEntries(named.map((row) => [row.name, row.value])) : undefined;
    }
    case "lines":
      return linesOf(text);
    case "number":
      return text === "" ? undefined : Number(text);
    case "secret":
      return text === "" ? undefined : text;
    default:
      return text.trim() === "" ? undefined : text.trim();
  }
}

function linesOf(text: string): string[] {
  return text
    .split(/[\n,;]/)
    .map((line) => line.trim())
    .filter(Boolean);
}

function textOf(value: JsonValue | undefined): string {
  if (Array.isArray(value)) return value.join("\n");
  return value === undefined || value === null ? "" : String(value);
}
