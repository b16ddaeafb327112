import type { Content, OpenApiDocument, Operation, Schema } from "./openapi-document.ts";
import { openApiStyle } from "./openapi-style.ts";

/** The document as one page for people. It has no script and loads nothing. */
export function openApiHtml(document: OpenApiDocument): string {
  const { info, tags, components } = document;
  return `<!doctype html>
<html lang="en">
<meta charset="utf-8">
<meta name="viewport" content="width=device-width, initial-scale=1">
<title>${escapeHtml(info.title)} ${escapeHtml(info.version)}</title>
<style>${openApiStyle}</style>
<main>
<h1>${escapeHtml(info.title)} <small>${escapeHtml(info.version)}</small></h1>
${prose(info.description)}
<p>Every call carries the headers <code>X-API-Key</code> and <code>X-Tenant-ID</code>. The same as a document: <a href="/openapi.json">openapi.json</a>.</p>
${tags.map((tag) => section(tag, document)).join("\n")}
<h2 id="schemas">Schemas</h2>
${Object.entries(components.schemas).map(namedSchema).join("\n")}
</main>
</html>
`;
}

function section({ name, description }: OpenApiDocument["tags"][number], document: OpenApiDocument): string {
  const operations = Object.entries(document.paths).flatMap(([path, verbs]) =>
    Object.entries(verbs)
      .filter(([, { tags }]) => tags.includes(name))
      .map(([verb, operation]) => operationHtml(verb, path, operation, document)),
  );
  return `<h2 id="${escapeHtml(name)}">${escapeHtml(name)}</h2>\n${prose(description)}\n${operations.join("\n")}`;
}

function operationHtml(verb: string, path: string, operation: Operation, document: OpenApiDocument): string {
  const { operationId, summary, description, parameters = [], requestBody, responses } = operation;
  const rows = parameters.map(({ name, in: place, required, description: text, schema }) =>
    row(`${name} (${place})`, required, text === undefined ? schema : { ...schema, description: text }),
  );
  return `<details id="${escapeHtml(operationId)}">
<summary><b class="${escapeHtml(verb)}">${escapeHtml(verb.toUpperCase())}</b> <code>${escapeHtml(path)}</code> ${escapeHtml(summary)}</summary>
${prose(description)}
${rows.length > 0 ? `<h3>Parameters</h3>${table(rows)}` : ""}
${requestBody ? `<h3>Body</h3><p>${contentHtml(requestBody.content)}</p>` : ""}
<h3>Answers</h3>
<ul>${Object.entries(responses)
    .map(([status, { $ref, description: text = "", content }]) => {
      const shared = $ref && document.components.responses[nameOf($ref)]?.description;
      return `<li><b>${escapeHtml(status)}</b> ${escapeHtml(shared ?? text)} ${contentHtml(content)}</li>`;
    })
    .join("")}</ul>
</details>`;
}

function contentHtml(content: Content | undefined): string {
  return Object.values(content ?? {})
    .map(({ schema }) => typeHtml(schema))
    .join(", ");
}

function namedSchema([name, schema]: [string, Schema]): string {
  const { description = "", properties = {}, required = [] } = schema;
  const rows = Object.entries(properties).map(([key, value]) => row(key, required.includes(key), value));
  return `<details id="schema-${escapeHtml(name)}"><summary><code>${escapeHtml(name)}</code></summary>
${prose(description)}
${table(rows)}
</details>`;
}

function table(rows: string[]): string {
  return `<table>${rows.join("")}</table>`;
}

function row(name: string, required: boolean, schema: Schema): string {
  return `<tr><th><code>${escapeHtml(name)}</code>${required ? " *" : ""}</th><td>${typeHtml(schema)}</td><td>${prose(
    schema.description ?? "",
  )}${limits(schema)}</td></tr>`;
}

function typeHtml({ $ref, type = "object", format, items, additionalProperties }: Schema): string {
  if ($ref) return `<a href="#schema-${escapeHtml(nameOf($ref))}">${escapeHtml(nameOf($ref))}</a>`;
  if (type === "array" && items) return `list of ${typeHtml(items)}`;
  if (typeof additionalProperties === "object") return `map to ${typeHtml(additionalProperties)}`;
  return escapeHtml(format ?? type);
}

function limits(schema: Schema): string {
  const { enum: choices } = schema.items ?? schema;
  const said = (["minimum", "maximum", "minLength", "maxLength", "minItems", "maxItems"] as const)
    .filter((keyword) => schema[keyword] !== undefined)
    .map((keyword) => `${keyword} ${schema[keyword]}`);
  const listed = choices?.map((choice) => `<code>${escapeHtml(choice)}</code>`).join(" ");
  return [said.join(", "), listed]
    .filter(Boolean)
    .map((text) => `<p class="limits">${text}</p>`)
    .join("");
}

function nameOf(ref: string): string {
  return ref.slice(ref.lastIndexOf("/") + 1);
}

function prose(text: string): string {
  return text
    .split("\n\n")
    .filter(Boolean)
    .map((paragraph) => `<p>${escapeHtml(paragraph).replace(/`([^`]+)`/g, "<code>$1</code>")}</p>`)
    .join("");
}

function escapeHtml(text: string): string {
  return text.replace(/[&<>"']/g, (character) => `&#${character.charCodeAt(0)};`);
}
