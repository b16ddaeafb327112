import type { DescMessage, JsonValue } from "@bufbuild/protobuf";
import type { FieldViolation } from "./errors.ts";

/** Matches every JSON text that may hold one, and hardly any other. */
export const mayHoldImpossibleTime = /-(?:02-(?:29|3\d)|(?:04|06|09|11)-31)T|T24:/;

/**
 * The times in JSON that decodes as a message, but that no calendar has: 30 February, or hour 24,
 * which RFC 3339 (section 5.6) does not know. The library takes them for times of the next day.
 */
export function* impossibleTimes(desc: DescMessage, json: JsonValue, path = ""): Generator<FieldViolation> {
  if (typeof json !== "object" || json === null || Array.isArray(json)) return;
  for (const { name, jsonName, message } of desc.fields) {
    if (!message) continue;
    const value = json[jsonName] ?? json[name] ?? null;
    const at = path ? `${path}.${name}` : name;
    if (message.typeName === "google.protobuf.Timestamp") {
      if (typeof value === "string" && !exists(value)) {
        yield { field: at, message: "must be a time that exists, for example 2026-01-31T12:00:00Z" };
      }
    } else if (Array.isArray(value)) {
      for (const [index, item] of value.entries()) yield* impossibleTimes(message, item, `${at}[${index}]`);
    } else {
      yield* impossibleTimes(message, value, at);
    }
  }
}

function exists(time: string): boolean {
  const [, year, month, day, hour] = /^(\d{4})-(\d\d)-(\d\d)T(\d\d):/.exec(time) ?? [];
  const days = new Date(Date.UTC(Number(year), Number(month), 0)).getUTCDate();
  return Number(day) <= days && Number(hour) < 24;
}
