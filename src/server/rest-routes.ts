import { type DescField, type DescMessage, getOption, hasOption } from "@bufbuild/protobuf";
import { http } from "../../gen/google/api/annotations_pb.js";
import type { HttpRule } from "../../gen/google/api/http_pb.js";
import { success_status } from "../../gen/jitsudo/notifications/v1/options_pb.js";
import type { UnarySpec } from "./guarded-router.ts";
import { createPathTable, type PathTable } from "./path-table.ts";

/** One REST call, read from a method's google.api.http annotation. */
export interface Route {
  method: UnarySpec["method"];
  invoke: UnarySpec["impl"];
  /** For the log. */
  name: string;
  /** Whether the body is the message; otherwise its fields come from path and query. */
  hasBody: boolean;
  /** Fields that the path sets. */
  pathFields: DescField[];
  /** What a query parameter sets, by both of its names. */
  queryFields: ReadonlyMap<string, DescField>;
  /** A field of type FieldMask named update_mask, filled from the body's own keys. */
  updateMask: DescField | undefined;
  /** HTTP status of success. */
  status: number;
}

/** Throws when an annotation says something that is not supported here. */
export function createRestRoutes(specs: UnarySpec[]): PathTable<Route> {
  const table = createPathTable<Route>();
  for (const spec of specs) {
    if (!hasOption(spec.method, http)) continue;
    const rule = getOption(spec.method, http);
    for (const binding of [rule, ...rule.additionalBindings]) {
      const { verb, template } = patternOf(binding, spec);
      table.add(verb, template, createRoute(spec, binding, `${verb} ${template}`));
    }
  }
  return table;
}

function createRoute({ method, impl }: UnarySpec, rule: HttpRule, name: string): Route {
  const { input } = method;
  if (rule.body !== "" && rule.body !== "*") {
    // Splicing a body into one field would let its sender reach the sibling fields.
    throw new Error(`${name}: body must be "*" or absent`);
  }
  const pathFields = [...name.matchAll(/\{([a-z0-9_]+)/g)].map(([, field]) =>
    scalarField(input, field, name),
  );
  const hasBody = rule.body === "*";
  return {
    method,
    invoke: impl,
    name,
    hasBody,
    pathFields,
    queryFields: hasBody ? new Map() : queryFieldsOf(input, pathFields),
    updateMask: input.fields.find(
      (field) => field.name === "update_mask" && field.message?.typeName === "google.protobuf.FieldMask",
    ),
    status: getOption(method, success_status) || 200,
  };
}

function patternOf({ pattern }: HttpRule, { method }: UnarySpec): { verb: string; template: string } {
  if (pattern.case === undefined) throw new Error(`${method.name} has an HTTP rule without a path`);
  return pattern.case === "custom"
    ? { verb: pattern.value.kind, template: pattern.value.path }
    : { verb: pattern.case.toUpperCase(), template: pattern.value };
}

function scalarField(input: DescMessage, name: string | undefined, route: string): DescField {
  const field = input.fields.find((candidate) => candidate.name === name);
  if (field?.fieldKind !== "scalar") throw new Error(`${route}: ${name} is no scalar field of ${input.name}`);
  return field;
}

function queryFieldsOf(input: DescMessage, pathFields: DescField[]): Map<string, DescField> {
  const fields = input.fields.filter((field) => !pathFields.includes(field) && hasTextForm(field));
  return new Map(fields.flatMap((field) => [field.name, field.jsonName].map((name) => [name, field])));
}

/** Whether a value of the field, or an item of its list, can be written as a query parameter. */
function hasTextForm({ fieldKind, message }: DescField): boolean {
  if (fieldKind === "map") return false;
  if (!message) return true;
  return ["google.protobuf.Timestamp", "google.protobuf.Duration", "google.protobuf.FieldMask"].includes(
    message.typeName,
  );
}
