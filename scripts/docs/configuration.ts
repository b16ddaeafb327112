import { settingsSchema } from "../../src/settings.ts";

/** docs/configuration.md, made of the schema that the service itself checks its settings by. */
export function configurationReference(): string {
  const settings = Object.entries(settingsSchema().properties ?? {}).map(([name, setting]) =>
    typeof setting === "boolean" ? row(name, {}) : row(name, setting),
  );
  return `<!-- Made by \`npm run docs\` of src/settings.ts: change it there. -->
# Configuration

Everything is set by environment variables. They are read once, at the start: a
\`JITSUDO_…\` variable that does not exist, and any value that is not allowed, keeps the
service from starting, and the message names them all. An empty value counts as unset.
What was read is the first line of the log, without credentials.

| variable | default | allowed | meaning |
| --- | --- | --- | --- |
${settings.join("\n")}

\`JITSUDO_API_KEY\` and \`JITSUDO_TENANT_ID\` are for callers, such as
[\`apply\`](how-to/channels-in-git.md): the service does not look at them.

## Tracing

Spans are made and sent only where \`OTEL_EXPORTER_OTLP_ENDPOINT\` is set. Without it a
caller's \`traceparent\` is still handed on to webhooks and written to the log.

| variable | default | meaning |
| --- | --- | --- |
| \`OTEL_EXPORTER_OTLP_ENDPOINT\` | | Collector that takes OTLP over HTTP (JSON), for example \`http://127.0.0.1:4318\`. \`OTEL_EXPORTER_OTLP_TRACES_ENDPOINT\` goes before it and is the whole URL. |
| \`OTEL_EXPORTER_OTLP_HEADERS\` | | Headers for the collector, \`name=value\`, separated by commas. |
| \`OTEL_EXPORTER_OTLP_TIMEOUT\`, \`OTEL_EXPORTER_OTLP_COMPRESSION\` | \`10000\`, \`none\` | As OpenTelemetry has them, like \`OTEL_EXPORTER_OTLP_CERTIFICATE\` and its companions. |
| \`OTEL_SERVICE_NAME\`, \`OTEL_RESOURCE_ATTRIBUTES\` | \`jitsudo-notifications\` | Who the spans are from. |
| \`OTEL_TRACES_SAMPLER\`, \`OTEL_TRACES_SAMPLER_ARG\` | \`parentbased_always_on\` | \`always_on\`, \`always_off\`, \`traceidratio\`, each also after \`parentbased_\`; the ratio. |
| \`OTEL_SDK_DISABLED\` | \`false\` | \`true\`: as if there were no endpoint. |

## Node.js

| variable | meaning |
| --- | --- |
| \`UV_THREADPOOL_SIZE\` | Of 4 threads, one looks up what is neither in the hosts file nor in DNS. On systems other than Linux they look up all names: where endpoints have many, set 16 to 64 on workers. |
| \`NODE_OPTIONS=--max-old-space-size=…\` | Heap in MiB: about three quarters of the container's memory. |
| \`NODE_EXTRA_CA_CERTS\` | A file of further authorities (PEM) that endpoints, PostgreSQL and Redis may have their certificates from. |
`;
}

interface Setting {
  type?: unknown;
  default?: unknown;
  description?: string | undefined;
  enum?: unknown[] | undefined;
  minimum?: number | undefined;
  maximum?: number | undefined;
  exclusiveMinimum?: number | boolean | undefined;
}

function row(name: string, setting: Setting): string {
  const { description = "" } = setting;
  const byDefault = setting.default === undefined ? "" : `\`${setting.default}\``;
  return `| \`${name}\` | ${byDefault} | ${allowed(setting)} | ${description.replaceAll("|", "\\|")} |`;
}

function allowed({ type, enum: choices, minimum, exclusiveMinimum, maximum }: Setting): string {
  if (choices) return choices.map((choice) => `\`${choice}\``).join(", ");
  if (type !== "integer" && type !== "number") return "text";
  const kind = type === "integer" ? "whole number" : "number";
  const most = maximum === undefined ? "" : ` to ${maximum}`;
  return exclusiveMinimum === undefined
    ? `${kind}, ${minimum}${most}`
    : `${kind} above ${exclusiveMinimum}${most && `, up${most}`}`;
}
