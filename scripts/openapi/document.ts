import type { DescMessage, DescMethod, FileRegistry } from "@bufbuild/protobuf";
import { commentOf } from "./comments.ts";
import { errorResponses, errorSchemas } from "./errors.ts";
import { type Binding, createMethodOptions, type MethodOptions } from "./method-options.ts";
import { createSchemas, type Schema, type Schemas } from "./schemas.ts";

interface Context {
  options: MethodOptions;
  schemas: Schemas;
}

/** The OpenAPI 3.1 document of the REST calls in the named files. */
export function openApiDocument(registry: FileRegistry, fileNames: string[]): object {
  const context: Context = { options: createMethodOptions(registry), schemas: createSchemas(registry) };
  const services = fileNames
    .flatMap((name) => registry.getFile(name)?.services ?? [])
    .sort((a, b) => a.name.localeCompare(b.name));
  const paths: Record<string, Record<string, object>> = {};
  for (const method of services.flatMap(({ methods }) => methods)) {
    for (const [index, binding] of context.options.bindings(method).entries()) {
      const { verb, path } = binding;
      paths[path] = { ...paths[path], [verb]: operation(method, binding, index > 0, context) };
    }
  }
  const served = services.filter((service) =>
    service.methods.some((m) => context.options.bindings(m).length),
  );
  return {
    openapi: "3.1.0",
    info: {
      title: "jitsudo-notifications",
      version: "v1",
      description:
        "Configures where a tenant's notices go, takes events in, and tells what became of them. The same calls are served by gRPC, gRPC-Web and Connect on the same port. JSON names may be written in camelCase too; unknown ones are refused.",
      license: { name: "Apache-2.0", identifier: "Apache-2.0" },
    },
    servers: [{ url: "/" }],
    security: [{ api_key: [], tenant_id: [] }],
    tags: served.map((service) => ({ name: service.name, description: commentOf(service) })),
    paths: Object.fromEntries(Object.entries(paths).sort(([a], [b]) => (a < b ? -1 : 1))),
    components: {
      securitySchemes: {
        api_key: {
          type: "apiKey",
          in: "header",
          name: "X-API-Key",
          description: "A tenant's key, or an operator's.",
        },
        tenant_id: { type: "apiKey", in: "header", name: "X-Tenant-ID", description: "The tenant's UUID." },
      },
      responses: errorResponses,
      schemas: { ...errorSchemas, ...context.schemas.all() },
    },
  };
}

function operation(
  method: DescMethod,
  { path, hasBody }: Binding,
  isAdditional: boolean,
  context: Context,
): object {
  const { options, schemas } = context;
  const inPath = [...path.matchAll(/\{(\w+)\}/g)].map(([, name]) => name ?? "");
  const comment = commentOf(method);
  const [summary = ""] = comment.split(/(?<=\.)\s/);
  const parameters = parametersOf(method.input, inPath, hasBody, schemas);
  return {
    // Unique, though a method may have several paths.
    operationId: isAdditional ? `${method.name}By${inPath.map(pascalCase).join("And")}` : method.name,
    tags: [method.parent.name],
    summary: summary.replace(/\.$/, ""),
    description: `${comment}\n\n${needs(options.scope(method))}`,
    ...(parameters.length > 0 && { parameters }),
    ...(hasBody && {
      requestBody: {
        required: schemas.hasRequired(method.input, inPath),
        content: json(schemas.request(method.input, inPath)),
      },
    }),
    responses: {
      [options.status(method)]: success(method, options.status(method), schemas),
      ...refusals(hasBody, inPath.length > 0),
    },
  };
}

function parametersOf(input: DescMessage, inPath: string[], hasBody: boolean, schemas: Schemas): object[] {
  const fields = schemas
    .fields(input)
    .filter(({ name, inQuery }) => inPath.includes(name) || (inQuery && !hasBody));
  return fields.map(({ name, required, schema: { description, ...schema } }) => ({
    name,
    in: inPath.includes(name) ? "path" : "query",
    required: inPath.includes(name) || required,
    ...(description !== undefined && { description }),
    schema,
  }));
}

function success({ output }: DescMethod, status: number, schemas: Schemas): object {
  if (status === 204) return { description: "Done." };
  return { description: commentOf(output) || "The answer.", content: json(schemas.response(output)) };
}

function refusals(hasBody: boolean, namesOne: boolean): Record<string, object> {
  const statuses = [400, 401, 403, ...(namesOne ? [404] : []), ...(hasBody ? [409, 413, 415] : []), 429, 503];
  const refused = statuses.map((status) => [status, { $ref: `#/components/responses/${status}` }]);
  return { ...Object.fromEntries(refused), default: { $ref: "#/components/responses/default" } };
}

function json(schema: Schema): object {
  return { "application/json": { schema } };
}

function pascalCase(name: string): string {
  return name.replace(/(?:^|_)([a-z])/g, (_match, letter: string) => letter.toUpperCase());
}

function needs(scope: string): string {
  return scope === "*" ? "Needs no scope." : `Needs the scope \`${scope}\`.`;
}
