import {
  createRegistry,
  type DescField,
  type DescMessage,
  isMessage,
  type Message,
} from "@bufbuild/protobuf";
import { pathToString } from "@bufbuild/protobuf/reflect";
import { type Timestamp, TimestampSchema } from "@bufbuild/protobuf/wkt";
import { createValidator, type Violation } from "@bufbuild/protovalidate";
import { IngestEventRequestSchema } from "../../gen/jitsudo/notifications/v1/event_pb.js";
import { file_jitsudo_notifications_v1_rules } from "../../gen/jitsudo/notifications/v1/rules_pb.js";
import type { FieldViolation } from "./errors.ts";
import { isPlainEvent } from "./plain-event.ts";

/**
 * Checks a message against the rules in its proto. Answers one entry for each
 * offending field, in the order of the rules; an empty array means valid. Throws
 * when a rule itself is broken: a defect.
 */
export type FieldValidator = (desc: DescMessage, message: Message) => FieldViolation[];

export function createFieldValidator(): FieldValidator {
  // Our own predefined rules are extensions, which the validator knows only from a registry.
  const registry = createRegistry(file_jitsudo_notifications_v1_rules);
  const validator = createValidator({ registry, regexMatch: createMatcher() });

  return (desc, message) => {
    if (isMessage(message, IngestEventRequestSchema) && isPlainEvent(message)) return [];
    const beyond = [...fieldsTooLong(desc, message, ""), ...timesBeyondCalendar(desc, message)];
    if (beyond.length > 0) return beyond;
    const result = validator.validate(desc, message);
    if (result.kind === "error") throw result.error;
    return result.kind === "valid" ? [] : oneEntryPerField(desc, result.violations);
  };
}

/** No list or map of the API may hold more; what does is not checked entry by entry, which would hold up others. */
const maxEntries = 1_000;

function fieldsTooLong(desc: DescMessage, message: Message, path: string): FieldViolation[] {
  return fieldsWithEntries(desc).flatMap((field) => {
    const at = path ? `${path}.${field.name}` : field.name;
    const value = (message as unknown as Record<string, unknown>)[field.localName];
    if (field.fieldKind === "message") return value ? fieldsTooLong(field.message, value as Message, at) : [];
    const entries = Object.values(value as object);
    if (entries.length > maxEntries) {
      return [{ field: at, message: `must contain no more than ${maxEntries} items` }];
    }
    const inner = field.fieldKind === "list" ? field.message : undefined;
    if (!inner || fieldsWithEntries(inner).length === 0) return [];
    return entries.flatMap((entry, index) => fieldsTooLong(inner, entry as Message, `${at}[${index}]`));
  });
}

/** Protobuf's binary form can say times that no other form can (timestamp.proto: years 1 to 9999). */
function timesBeyondCalendar(desc: DescMessage, message: Message): FieldViolation[] {
  return desc.fields.flatMap((field) => {
    if (field.message?.typeName !== TimestampSchema.typeName || field.fieldKind !== "message") return [];
    const time = (message as unknown as Record<string, Timestamp | undefined>)[field.localName];
    if (!time) return [];
    const { seconds, nanos } = time;
    const isInside = seconds >= firstSecond && seconds <= lastSecond && nanos >= 0 && nanos < 1_000_000_000;
    return isInside ? [] : [{ field: field.name, message: "must be a time of the years 1 to 9999" }];
  });
}

const firstSecond = BigInt(Date.parse("0001-01-01T00:00:00Z") / 1000);
const lastSecond = BigInt(Date.parse("9999-12-31T23:59:59Z") / 1000);

const knownFields = new Map<DescMessage, DescField[]>();

/** The lists and maps of a message, and the messages in it that have some. */
function fieldsWithEntries(desc: DescMessage): DescField[] {
  const known = knownFields.get(desc);
  if (known) return known;
  // What callers may fill as they like, such as Struct, has no rules.
  const fields = desc.typeName.startsWith("google.protobuf.")
    ? []
    : desc.fields.filter((field) => {
        if (field.fieldKind === "message") return fieldsWithEntries(field.message).length > 0;
        return field.fieldKind === "list" || field.fieldKind === "map";
      });
  knownFields.set(desc, fields);
  return fields;
}

/**
 * The engine's own regular expressions, which are many times as fast as the RE2 in
 * JavaScript that is the default. All patterns stand in our own proto files, and none
 * of them backtracks.
 */
function createMatcher(): (pattern: string, text: string) => boolean {
  const compiled = new Map<string, RegExp>();
  return (pattern, text) => {
    const known = compiled.get(pattern) ?? new RegExp(pattern, "u");
    compiled.set(pattern, known);
    return known.test(text);
  };
}

function oneEntryPerField(desc: DescMessage, violations: Violation[]): FieldViolation[] {
  const messages = new Map<string, Set<string>>();
  for (const violation of violations) {
    const field = fieldOf(desc, violation);
    const known = messages.get(field) ?? new Set();
    messages.set(field, known.add(readable(violation.message)));
  }
  return [...messages].map(([field, texts]) => ({ field, message: [...texts].join(", ") }));
}

/** A rule of a whole message belongs to the field that its id names, if it names one. */
function fieldOf(desc: DescMessage, { field, ruleId }: Violation): string {
  if (field.length > 0) return pathToString(field);
  return desc.fields.some(({ name }) => name === ruleId) ? ruleId : "";
}

/** The library's own messages, said so that they tell what is allowed. */
const rewordings: [RegExp, string][] = [
  [/^(?:value is empty, which is not|must be) a valid UUID$/, "must be a UUID"],
  [/^(?:value is empty, which is not|must be) a valid email address$/, "must be an e-mail address"],
  [/^must be greater than or equal to (\S+) and less than or equal to (\S+)$/, "must be from $1 to $2"],
  [/^must be greater than or equal to (\S+)$/, "must be at least $1"],
  [/^must be less than or equal to (\S+)$/, "must be at most $1"],
  [/^must be in list \[(.*)\]$/s, "must be one of $1"],
  [/^repeated value must contain unique items$/, "must not name an item twice"],
  [/\b1 item\(s\)$/, "1 item"],
  [/item\(s\)$/, "items"],
  [/^does not match regex pattern `(.*)`$/s, "must match the pattern $1"],
];

function readable(message: string): string {
  for (const [pattern, text] of rewordings) {
    if (pattern.test(message)) return message.replace(pattern, text);
  }
  return message;
}
