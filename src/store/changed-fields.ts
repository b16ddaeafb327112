import { isDeepStrictEqual } from "node:util";
import type { ChannelSettings } from "./channel-store.ts";

/**
 * Names of the fields that differ, those of the config as `config.<field>`, in
 * alphabetical order. `before` undefined: all that have a value. Never tells a value,
 * and of a map not even the keys.
 */
export function changedFields(before: ChannelSettings | undefined, after: ChannelSettings): string[] {
  const was = before ? flat(before) : new Map<string, unknown>();
  const is = flat(after);
  return [...new Set([...was.keys(), ...is.keys()])]
    .filter((field) => !isDeepStrictEqual(was.get(field), is.get(field)))
    .sort();
}

function flat({ name, enabled, ordered, eventFilters, config }: ChannelSettings): Map<string, unknown> {
  const configFields = Object.entries(config).map(([field, value]) => [`config.${field}`, value] as const);
  return new Map<string, unknown>([
    ["name", name],
    ["enabled", enabled],
    ["ordered", ordered],
    ["event_filters", eventFilters],
    ...configFields,
  ]);
}
