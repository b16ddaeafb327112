import { Ajv2020 } from "ajv/dist/2020.js";
import formats from "ajv-formats";

export interface Schema {
  [keyword: string]: unknown;
}

export interface Operation {
  operationId: string;
  parameters?: { name: string; in: string; required: boolean }[];
  requestBody?: { content: Record<string, { schema: Schema }> };
  responses: Record<string, { $ref?: string; content?: Record<string, { schema: Schema }> }>;
}

export interface OpenApi {
  openapi: string;
  paths: Record<string, Record<string, Operation>>;
  components: { schemas: Record<string, Schema>; responses: Record<string, Operation["responses"][string]> };
}

/** Judges bodies by the document. Throws when a schema in it is broken or a reference leads nowhere. */
export function createChecker(document: OpenApi) {
  const ajv = new Ajv2020({ strict: true, allErrors: true, strictRequired: false });
  formats.default(ajv);
  ajv.addFormat("email", true);
  ajv.addSchema({ $id: "api", $defs: closed(document.components.schemas) });

  function problems(schema: Schema, body: unknown): string[] {
    const validate = ajv.compile(absolute(schema) as Schema);
    validate(body);
    return (validate.errors ?? []).map(({ instancePath, message, params }) =>
      `${instancePath} ${message} ${JSON.stringify(params)}`.trim(),
    );
  }

  return {
    /** What is wrong with an answer; undeclared statuses and bodies are too. */
    answer(operation: Operation, status: number, body: unknown): string[] {
      const declared = operation.responses[status];
      if (!declared) return [`status ${status} is not declared`];
      const { content } = declared.$ref ? lookUp(declared.$ref) : declared;
      const schema = content?.["application/json"]?.schema;
      if (!schema) return body === undefined ? [] : ["a body is not declared"];
      return problems(schema, body);
    },

    request(operation: Operation, body: unknown): string[] {
      const schema = operation.requestBody?.content["application/json"]?.schema;
      return schema ? problems(schema, body) : ["a body is not declared"];
    },
  };

  function lookUp(ref: string): Operation["responses"][string] {
    const found = document.components.responses[ref.replace("#/components/responses/", "")];
    if (!found) throw new Error(`${ref} leads nowhere`);
    return found;
  }
}

/** Schemas that allow nothing they do not name, so that a field that is not documented is found. */
function closed(schemas: Record<string, Schema>): Record<string, unknown> {
  return Object.fromEntries(
    Object.entries(schemas).map(([name, schema]) => [
      name,
      absolute(schema.properties ? { ...schema, additionalProperties: false } : schema),
    ]),
  );
}

/** References that are good from outside the document too. */
function absolute(value: unknown): unknown {
  if (Array.isArray(value)) return value.map(absolute);
  if (typeof value !== "object" || value === null) return value;
  return Object.fromEntries(
    Object.entries(value).map(([key, item]) => [
      key,
      key === "$ref" ? String(item).replace("#/components/schemas/", "api#/$defs/") : absolute(item),
    ]),
  );
}
