import {
  type DescField,
  type DescMessage,
  fromJson,
  type JsonValue,
  type MessageShape,
  ScalarType,
} from "@bufbuild/protobuf";
import { type FieldViolation, maxNamed } from "./errors.ts";
import type { FieldValidator } from "./field-validator.ts";

/** So many entries of one object or array are looked at: walking more would hold up the calls of others. */
const maxEntries = 2_000;

/** Decodes JSON as a message that keeps its rules. Without a message there are violations, one a field. */
export function decodeJson<Desc extends DescMessage>(
  desc: Desc,
  json: JsonValue,
  validate: FieldValidator,
): { message: MessageShape<Desc> | undefined; violations: FieldViolation[] } {
  let message: MessageShape<Desc>;
  try {
    message = fromJson(desc, json);
  } catch (error) {
    return { message: undefined, violations: explainJsonError(desc, json, error) };
  }
  const violations = validate(desc, message);
  return { message: violations.length > 0 ? undefined : message, violations };
}

/** Undefined for what is not JSON. */
export function parseJson(text: string): JsonValue | undefined {
  try {
    return JSON.parse(text);
  } catch (error) {
    if (error instanceof SyntaxError) return undefined;
    throw error;
  }
}

/**
 * Explains why JSON did not decode as a message: one entry for each field that is
 * unknown or has a value of the wrong type, as far as an error names them. The library's
 * error stops at the first and often does not say which field it means, so the JSON is
 * walked again.
 */
export function explainJsonError(
  desc: DescMessage,
  json: JsonValue | undefined,
  error: unknown,
): FieldViolation[] {
  const violations = json === undefined ? [] : messageViolations(desc, json, "").take(maxNamed).toArray();
  return violations.length > 0 ? violations : [fromLibrary(error)];
}

function* messageViolations(desc: DescMessage, json: JsonValue, path: string): Generator<FieldViolation> {
  if (!isObject(json)) {
    yield { field: path, message: "must be a JSON object" };
    return;
  }
  for (const [key, value] of Object.entries(json).slice(0, maxEntries)) {
    const field = desc.fields.find(({ name, jsonName }) => name === key || jsonName === key);
    const at = path ? `${path}.${field?.name ?? key}` : (field?.name ?? key);
    if (!field) yield { field: at, message: "unknown field" };
    else if (!decodes(desc, { [key]: value })) yield* fieldViolations(field, value, at);
  }
}

/** Descends as far as the value has the shape of the field. */
function* fieldViolations(field: DescField, value: JsonValue, at: string): Generator<FieldViolation> {
  if (field.fieldKind === "message" && isPlain(field.message)) {
    yield* messageViolations(field.message, value, at);
  } else if (field.fieldKind === "list" && Array.isArray(value)) {
    for (const [index, item] of value.slice(0, maxEntries).entries()) {
      const itemAt = `${at}[${index}]`;
      if (decodes(field.parent, { [field.name]: [item] })) continue;
      if (field.listKind === "message" && isPlain(field.message)) {
        yield* messageViolations(field.message, item, itemAt);
      } else {
        yield { field: itemAt, message: `must be ${expectedItem(field)}` };
      }
    }
  } else if (field.fieldKind === "map" && isObject(value)) {
    for (const [key, item] of Object.entries(value).slice(0, maxEntries)) {
      if (decodes(field.parent, { [field.name]: { [key]: item } })) continue;
      yield { field: `${at}[${JSON.stringify(key)}]`, message: `must be ${expectedItem(field)}` };
    }
  } else {
    yield { field: at, message: `must be ${expected(field)}` };
  }
}

function expected(field: DescField): string {
  if (field.fieldKind === "list") return `an array, each item ${expectedItem(field)}`;
  if (field.fieldKind === "map") return `an object, each value ${expectedItem(field)}`;
  return expectedItem(field);
}

function expectedItem(field: DescField): string {
  if (field.scalar !== undefined) return scalarText(field.scalar);
  if (field.enum) return `one of ${field.enum.values.map(({ name }) => name).join(", ")}`;
  switch (field.message?.typeName) {
    case "google.protobuf.Timestamp":
      return "an RFC 3339 time, for example 2026-01-31T12:00:00Z";
    case "google.protobuf.Duration":
      return "a duration in seconds, for example 3.5s";
    case "google.protobuf.FieldMask":
      return "names of fields in lowerCamelCase, separated by commas";
    default:
      return "a JSON object";
  }
}

function scalarText(scalar: ScalarType): string {
  switch (scalar) {
    case ScalarType.STRING:
      return "a string";
    case ScalarType.BOOL:
      return "true or false";
    case ScalarType.BYTES:
      return "a base64 string";
    case ScalarType.FLOAT:
    case ScalarType.DOUBLE:
      return "a number";
    case ScalarType.INT32:
    case ScalarType.SINT32:
    case ScalarType.SFIXED32:
      return "a whole number from -2147483648 to 2147483647";
    case ScalarType.UINT32:
    case ScalarType.FIXED32:
      return "a whole number from 0 to 4294967295";
    default:
      return "a whole number of 64 bits";
  }
}

/** When the text is not JSON at all, names a field twice, or was not kept. */
function fromLibrary(error: unknown): FieldViolation {
  const cause = error instanceof Error ? error.cause : undefined;
  if (isFieldError(cause)) return { field: cause.field().name, message: cause.message };
  if (cause instanceof SyntaxError) return { field: "", message: `not valid JSON: ${cause.message}` };
  const text = error instanceof Error ? error.message : String(error);
  return { field: "", message: text.replace(/^cannot decode (?:message )?\S+ from JSON:? ?/, "") };
}

/** The library's own FieldError, which it does not export. */
function isFieldError(error: unknown): error is Error & { field(): { name: string } } {
  return error instanceof Error && "field" in error && typeof error.field === "function";
}

function decodes(desc: DescMessage, json: JsonValue): boolean {
  try {
    fromJson(desc, json);
    return true;
  } catch {
    return false;
  }
}

/** Whether JSON shows the message's own fields, rather than a form of its own as for Timestamp. */
function isPlain({ typeName }: DescMessage): boolean {
  return !typeName.startsWith("google.protobuf.");
}

function isObject(json: JsonValue): json is { [key: string]: JsonValue } {
  return typeof json === "object" && json !== null && !Array.isArray(json);
}
