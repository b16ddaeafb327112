import { type DescField, type JsonValue, ScalarType } from "@bufbuild/protobuf";
import type { FieldViolation } from "../services/errors.ts";
import type { Route } from "./rest-routes.ts";

/** Query parameters as JSON of the message, and what is wrong with those that fit no field. */
export interface QueryFields {
  /** By the fields' snake_case names. Numbers stay text, which the JSON decoder takes too. */
  json: { [name: string]: JsonValue };
  violations: FieldViolation[];
}

export function readQuery({ queryFields, pathFields, hasBody }: Route, query: URLSearchParams): QueryFields {
  const json: { [name: string]: JsonValue } = {};
  const violations: FieldViolation[] = [];
  for (const [name, value] of query) {
    const field = queryFields.get(name);
    if (!field) {
      violations.push({ field: name, message: unknownParameter(name) });
    } else if (isInteger(field) && !/^-?\d+$/.test(value)) {
      // The decoder would take hexadecimal and exponents.
      violations.push({ field: field.name, message: "must be a whole number" });
    } else if (field.fieldKind === "list") {
      const items = json[field.name];
      json[field.name] = [...(Array.isArray(items) ? items : []), jsonOf(field, value)];
    } else if (field.name in json) {
      violations.push({ field: field.name, message: "must not be given twice" });
    } else {
      json[field.name] = jsonOf(field, value);
    }
  }
  return { json, violations };

  function unknownParameter(name: string): string {
    if (pathFields.some((field) => field.name === name || field.jsonName === name))
      return "is set by the path";
    return hasBody ? "unknown query parameter: all fields belong into the body" : "unknown query parameter";
  }
}

function jsonOf({ scalar }: DescField, value: string): JsonValue {
  if (scalar === ScalarType.BOOL && (value === "true" || value === "false")) return value === "true";
  return value;
}

function isInteger({ scalar }: DescField): boolean {
  switch (scalar) {
    case undefined:
    case ScalarType.STRING:
    case ScalarType.BYTES:
    case ScalarType.BOOL:
    case ScalarType.FLOAT:
    case ScalarType.DOUBLE:
      return false;
    default:
      return true;
  }
}
