import {
  type DescExtension,
  type DescField,
  type DescMessage,
  type FileRegistry,
  getExtension,
  getOption,
  hasExtension,
  hasOption,
} from "@bufbuild/protobuf";
import {
  type FieldRules,
  field as fieldOption,
  message as messageOption,
  predefined,
  type RepeatedRules,
  type StringRules,
} from "@bufbuild/protovalidate/gen/buf/validate/validate_pb.js";
import { schemaOfCel } from "./cel.ts";
import type { Schema } from "./schemas.ts";

/** Turns the validation rules of fields into keywords of JSON Schema, as far as it can say them. */
export interface Rules {
  apply(field: DescField, schema: Schema): Schema;
  /** What holds between the fields of a message, in words. */
  ofMessage(message: DescMessage): string[];
}

export function createRules(registry: FileRegistry): Rules {
  const shared = [...registry].filter(
    (desc): desc is DescExtension => desc.kind === "extension" && hasOption(desc, predefined),
  );

  function withRules(schema: Schema, rules: FieldRules): Schema {
    const own = rules.cel.map(({ message, expression }) => schemaOfCel(expression, message));
    return Object.assign({}, schema, ...own, ofType(schema, rules));
  }

  function ofType(schema: Schema, { type }: FieldRules): Schema {
    switch (type.case) {
      case "string":
        return { ...ofString(type.value), ...ofShared(type.value) };
      case "int32":
        return {
          ...(type.value.greaterThan.case === "gte" && { minimum: type.value.greaterThan.value }),
          ...(type.value.lessThan.case === "lte" && { maximum: type.value.lessThan.value }),
        };
      case "repeated":
        return ofList(schema, type.value);
      case "map": {
        const { maxPairs, keys, values } = type.value;
        return {
          ...(maxPairs && { maxProperties: Number(maxPairs) }),
          ...(keys && { propertyNames: withRules({ type: "string" }, keys) }),
          ...(values && { additionalProperties: withRules(schema.additionalProperties as Schema, values) }),
        };
      }
      default:
        return {};
    }
  }

  function ofList(schema: Schema, { minItems, maxItems, unique, items }: RepeatedRules): Schema {
    return {
      ...(minItems && { minItems: Number(minItems) }),
      ...(maxItems && { maxItems: Number(maxItems) }),
      ...(unique && { uniqueItems: true }),
      ...(items?.type.case && { items: withRules(schema.items as Schema, items) }),
    };
  }

  function ofShared(rules: StringRules): Schema {
    const named = shared.filter((extension) => hasExtension(rules, extension));
    const schemas = named
      .filter((extension) => getExtension(rules, extension) === true)
      .flatMap((extension) => getOption(extension, predefined).cel)
      .map(({ expression, message }) => schemaOfCel(expression, message));
    return Object.assign({}, ...schemas);
  }

  return {
    apply: (field, schema) =>
      hasOption(field, fieldOption) ? withRules(schema, getOption(field, fieldOption)) : schema,
    ofMessage: (message) =>
      hasOption(message, messageOption)
        ? getOption(message, messageOption).cel.map(({ id, message }) => `\`${id}\`: ${message}.`)
        : [],
  };
}

function ofString({ minLen, maxLen, pattern, in: choices, wellKnown }: StringRules): Schema {
  return {
    ...(minLen && { minLength: Number(minLen) }),
    ...(maxLen && { maxLength: Number(maxLen) }),
    ...(pattern && { pattern }),
    ...(choices.length > 0 && { enum: choices }),
    ...(wellKnown.case === "uuid" && { format: "uuid" }),
    ...(wellKnown.case === "email" && { format: "email" }),
  };
}
