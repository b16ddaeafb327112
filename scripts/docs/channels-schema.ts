import { readFileSync } from "node:fs";

type Schema = { [keyword: string]: unknown };

const requests = {
  slack_webhook: "CreateSlackWebhookChannelRequest",
  email: "CreateEmailChannelRequest",
  generic_webhook: "CreateGenericWebhookChannelRequest",
  aws_sns: "CreateAwsSnsChannelRequest",
};

/**
 * docs/schema/channels.schema.json: what `apply` takes, for editors. Made of the OpenAPI
 * document, where an entry is the create request of its channel type.
 */
export function channelsSchema(): string {
  const openApi = JSON.parse(readFileSync("gen/openapi.json", "utf8"));
  const schemas: Record<string, Schema> = openApi.components.schemas;
  const channels = Object.entries(requests).map(([type, name]) => channel(type, schemas[name] ?? {}));
  const { description: _, ...settings } = schemas.UpdateTenantSettingsRequest ?? {};
  const schema = {
    $schema: "https://json-schema.org/draft/2020-12/schema",
    title: "Channels of jitsudo-notifications",
    description: "What `jitsudo-notifications apply -f` makes of a tenant's channels.",
    type: "object",
    properties: {
      channels: {
        description: "All channels that the file knows; each is found again by its name.",
        type: "array",
        items: { oneOf: channels },
      },
      tenant_settings: settings,
    },
    additionalProperties: false,
    $defs: {
      reference: {
        description: "Where the text stands: in an environment variable, or in a file beside this one.",
        oneOf: ["from_env", "from_file"].map((kind) => ({
          type: "object",
          properties: { [kind]: { type: "string", minLength: 1 } },
          required: [kind],
          additionalProperties: false,
        })),
      },
    },
  };
  return `${JSON.stringify(schema, undefined, 2)}\n`;
}

function channel(type: string, request: Schema): Schema {
  const {
    generate_signing_secret: _secret,
    unique_name: _uniqueName,
    name,
    ...properties
  } = request.properties as Record<string, Schema>;
  return {
    title: type,
    type: "object",
    required: ["channel_type", ...(request.required as string[])],
    properties: {
      channel_type: { const: type },
      name,
      ...Object.fromEntries(Object.entries(properties).map(([name, schema]) => [name, orReference(schema)])),
    },
    additionalProperties: false,
  };
}

/** Any text may stand elsewhere instead. */
function orReference(schema: Schema): Schema {
  if (schema.type === "string") {
    const { description, ...text } = schema;
    return {
      ...(description !== undefined && { description }),
      anyOf: [text, { $ref: "#/$defs/reference" }],
    };
  }
  if (schema.type === "array") return { ...schema, items: orReference(schema.items as Schema) };
  if (schema.type === "object" && schema.additionalProperties) {
    return { ...schema, additionalProperties: orReference(schema.additionalProperties as Schema) };
  }
  return schema;
}
