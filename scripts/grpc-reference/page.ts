import type { DescField, DescMessage, DescMethod, DescService, FileRegistry } from "@bufbuild/protobuf";
import { ScalarType } from "@bufbuild/protobuf";
import { commentOf } from "../openapi/comments.ts";
import { createMethodOptions, type MethodOptions } from "../openapi/method-options.ts";

/** The page about the services, calls and messages of the named files, made of their comments. */
export function grpcReference(registry: FileRegistry, fileNames: string[]): string {
  const files = fileNames.flatMap((name) => registry.getFile(name) ?? []);
  const services = files.flatMap(({ services }) => services).sort(byName);
  const messages = files.flatMap(({ messages }) => messages).sort(byName);
  const options = createMethodOptions(registry);
  return `<!-- Made by \`npm run generate\` of the comments in proto/: change them there. -->
# The gRPC API

The services of the package \`jitsudo.notifications.v1\`, by gRPC, gRPC-Web and Connect at
\`/jitsudo.notifications.v1.<Service>/<Method>\`. Every call needs the metadata \`x-api-key\`
and \`x-tenant-id\`. What values are allowed stands in the
[protos](../../proto/jitsudo/notifications/v1) and in \`/openapi.json\` of the running
service; a refusal names every offending field in an [ErrorDetail](#errordetail).

${services.map((service) => serviceSection(service, options)).join("\n")}
# Messages

${messages
  .filter(({ fields }) => fields.length > 0)
  .map(messageSection)
  .join("\n")}`;
}

function byName(a: { name: string }, b: { name: string }): number {
  return a.name.localeCompare(b.name);
}

function serviceSection(service: DescService, options: MethodOptions): string {
  const methods = service.methods.map((method) => methodSection(method, options));
  return `# ${service.name}\n\n${commentOf(service)}\n\n${methods.join("\n")}`;
}

function methodSection(method: DescMethod, options: MethodOptions): string {
  const { methodKind: kind } = method;
  const streamsIn = kind === "client_streaming" || kind === "bidi_streaming" ? "stream of " : "";
  const streamsOut = kind === "server_streaming" || kind === "bidi_streaming" ? "stream of " : "";
  const rest = options.bindings(method).map(({ verb, path }) => `\`${verb.toUpperCase()} ${path}\``);
  return [
    `## ${method.name}\n`,
    `${commentOf(method)}\n`,
    `- takes ${streamsIn}${linkTo(method.input)}, answers ${streamsOut}${linkTo(method.output)}`,
    `- scope \`${options.scope(method)}\``,
    ...(rest.length > 0 ? [`- REST: ${rest.join(", ")}`] : []),
    "",
  ].join("\n");
}

function messageSection(message: DescMessage): string {
  const comment = commentOf(message);
  const rows = message.fields.map((field) => `| \`${field.name}\` | ${typeOf(field)} | ${cell(field)} |`);
  return [
    `## ${message.name}\n`,
    ...(comment ? [`${comment}\n`] : []),
    "| field | type | meaning |",
    "| --- | --- | --- |",
    ...rows,
    "",
  ].join("\n");
}

function cell(field: DescField): string {
  const oneof = field.oneof ? `One of \`${field.oneof.name}\`. ` : "";
  return (oneof + commentOf(field)).replaceAll("\n", " ").replaceAll("|", "\\|").replaceAll("<", "&lt;");
}

function typeOf(field: DescField): string {
  if (field.fieldKind === "map") return `map of string to ${singular(field)}`;
  return field.fieldKind === "list" ? `list of ${singular(field)}` : singular(field);
}

function singular({ message, scalar }: DescField): string {
  return message ? linkTo(message) : ScalarType[scalar ?? ScalarType.STRING].toLowerCase();
}

function linkTo({ typeName, name, fields }: DescMessage): string {
  if (typeName.startsWith("google.protobuf.")) return name;
  return fields.length > 0 ? `[${name}](#${name.toLowerCase()})` : `${name} (empty)`;
}
