import { create, type DescField, type DescMessage, type FileRegistry, ScalarType } from "@bufbuild/protobuf";
import { FeatureSet_FieldPresence as Presence } from "@bufbuild/protobuf/wkt";
import { createValidator } from "@bufbuild/protovalidate";
import { commentOf } from "./comments.ts";
import { createRules } from "./rules.ts";

export type Schema = { [keyword: string]: unknown };

/** A field as it goes over the wire, described. */
export interface FieldSchema {
  name: string;
  /** A message without it is refused. */
  required: boolean;
  /** Whether its value can be written as a query parameter. */
  inQuery: boolean;
  schema: Schema;
}

/** JSON Schemas of messages, each kept once under its name. */
export interface Schemas {
  /** A request body; fields that the path sets may be left out of it. */
  request(message: DescMessage, inPath: string[]): Schema;
  response(message: DescMessage): Schema;
  /** A request's own fields. */
  fields(message: DescMessage): FieldSchema[];
  hasRequired(message: DescMessage, inPath: string[]): boolean;
  all(): Record<string, Schema>;
}

export function createSchemas(registry: FileRegistry): Schemas {
  const rules = createRules(registry);
  const validator = createValidator({ registry });
  const kept = new Map<string, Schema>();

  function keep(message: DescMessage, make: () => Schema): Schema {
    if (!kept.has(message.name)) {
      kept.set(message.name, {});
      kept.set(message.name, make());
    }
    return { $ref: `#/components/schemas/${message.name}` };
  }

  const request = (message: DescMessage, inPath: string[] = []): Schema =>
    keep(message, () => {
      const fields = requestFields(message);
      const required = fields.filter((field) => field.required && !inPath.includes(field.name));
      const object = objectOf(message, fields, required);
      const description = [object.description, ...rules.ofMessage(message)].filter(Boolean).join("\n\n");
      return { ...object, ...(description && { description }), additionalProperties: false };
    });

  const response = (message: DescMessage): Schema =>
    keep(message, () => {
      const fields = message.fields.map((field) => ({
        name: field.name,
        schema: describe(field, typeOf(field, response)),
        // The service writes such fields also when they have their default.
        always: field.presence === Presence.IMPLICIT,
      }));
      return objectOf(
        message,
        fields,
        fields.filter(({ always }) => always),
      );
    });

  function requestFields(message: DescMessage): FieldSchema[] {
    const required = requiredOf(message);
    return message.fields.map((field) => ({
      name: field.name,
      required: required.has(field.name),
      inQuery: field.fieldKind !== "map" && (!field.message || hasTextForm(field.message)),
      schema: describe(field, rules.apply(field, typeOf(field, request))),
    }));
  }

  /** What a message cannot do without is what the validator misses in an empty one. */
  function requiredOf(message: DescMessage): Set<string> {
    const result = validator.validate(message, create(message));
    if (result.kind === "error") throw result.error;
    const violations = result.violations ?? [];
    return new Set(violations.flatMap(({ field: [first] }) => (first?.kind === "field" ? [first.name] : [])));
  }

  return {
    request,
    response,
    fields: requestFields,
    hasRequired: (message, inPath) => [...requiredOf(message)].some((name) => !inPath.includes(name)),
    all: () => Object.fromEntries([...kept].sort(([a], [b]) => (a < b ? -1 : 1))),
  };
}

interface Property {
  name: string;
  schema: Schema;
}

function objectOf(message: DescMessage, fields: Property[], required: Property[]): Schema {
  const description = commentOf(message);
  const choices = message.oneofs.map(({ fields }) => fields.map(({ name }) => ({ required: [name] })));
  return {
    type: "object",
    ...(description && { description }),
    ...(required.length > 0 && { required: required.map(({ name }) => name) }),
    properties: Object.fromEntries(fields.map(({ name, schema }) => [name, schema])),
    ...(choices[0] && { oneOf: choices[0] }),
  };
}

function describe(field: DescField, { description: rule, ...schema }: Schema): Schema {
  const comment = commentOf(field);
  const description = [comment, rule].filter(Boolean).join("\n\n");
  return { ...(description && { description }), ...schema };
}

type OfMessage = (message: DescMessage) => Schema;

/** The JSON mapping of protobuf (https://protobuf.dev/programming-guides/json/). */
function typeOf(field: DescField, ofMessage: OfMessage): Schema {
  switch (field.fieldKind) {
    case "list":
      return { type: "array", items: singular(field, ofMessage) };
    case "map":
      return { type: "object", additionalProperties: singular(field, ofMessage) };
    default:
      return singular(field, ofMessage);
  }
}

function singular({ scalar, message, enum: choices }: DescField, ofMessage: OfMessage): Schema {
  if (message) return wellKnown[message.typeName] ?? ofMessage(message);
  if (choices) return { type: "string", enum: choices.values.map(({ name }) => name) };
  switch (scalar) {
    case ScalarType.STRING:
      return { type: "string" };
    case ScalarType.BOOL:
      return { type: "boolean" };
    case ScalarType.INT32:
    case ScalarType.UINT32:
      return { type: "integer" };
    case ScalarType.INT64:
    case ScalarType.UINT64:
      return { type: "string", pattern: "^-?[0-9]+$" };
    case ScalarType.FLOAT:
    case ScalarType.DOUBLE:
      return { type: "number" };
    case ScalarType.BYTES:
      return { type: "string", contentEncoding: "base64" };
    default:
      throw new Error(`The type of a field is not supported: ${scalar && ScalarType[scalar]}`);
  }
}

const wellKnown: Record<string, Schema> = {
  "google.protobuf.Timestamp": { type: "string", format: "date-time" },
  "google.protobuf.Duration": { type: "string", pattern: "^-?[0-9]+(\\.[0-9]+)?s$" },
  "google.protobuf.FieldMask": { type: "string" },
  "google.protobuf.Struct": { type: "object" },
};

function hasTextForm({ typeName }: DescMessage): boolean {
  return wellKnown[typeName]?.type === "string";
}
