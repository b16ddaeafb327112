import type { Failure } from "../api/failure.ts";

/** What is wrong, by the name of the form's field. */
export type FieldErrors = ReadonlyMap<string, string>;

/**
 * Puts the service's own words to the fields that they are about: "config.url" and "url"
 * are one field, "to_addresses[2]" is the third line of another.
 */
export function fieldErrors(failure: Failure | undefined): FieldErrors {
  const errors = new Map<string, string>();
  for (const { field, message } of failure?.fields ?? []) {
    const path = field.replace(/^config\./, "");
    const [, name = path, item = ""] = /^([\w-]+)(.*)$/.exec(path) ?? [];
    const text = item === "" ? sentence(message) : `${itemLabel(item)}: ${message}.`;
    const before = errors.get(name);
    errors.set(name, before ? `${before} ${text}` : text);
  }
  return errors;
}

/** "[2]" is the third one; a map's key is its own name. */
function itemLabel(item: string): string {
  const [, index] = /^\[(\d+)\]/.exec(item) ?? [];
  return index === undefined ? item.replace(/^\[?"?|"?\]?$/g, "") : `No. ${Number(index) + 1}`;
}

function sentence(message: string): string {
  return `${message.charAt(0).toUpperCase()}${message.slice(1)}.`;
}
