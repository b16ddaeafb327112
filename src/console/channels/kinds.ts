/** The four kinds of channel, as the API names them. */
export const kindNames = ["slack_webhook", "email", "generic_webhook", "aws_sns"] as const;

export type KindName = (typeof kindNames)[number];

interface Base {
  /** As in the API. */
  name: string;
  label: string;
  hint?: string;
  optional?: boolean;
}

/** One field of a channel's config, and how it is entered. */
export type ConfigField = Base &
  (
    | { input: "text" | "secret" | "number"; placeholder?: string }
    | { input: "lines" | "certificate" | "headers" }
    | { input: "choice"; choices: { value: string; label: string }[] }
  );

export interface Kind {
  label: string;
  /** When to choose it. */
  use: string;
  fields: ConfigField[];
}

const certificate: ConfigField = {
  name: "ca_certificate",
  label: "CA certificate",
  hint: "PEM. Trusted for this channel instead of the well-known authorities.",
  input: "certificate",
  optional: true,
};

export const kinds: Record<KindName, Kind> = {
  slack_webhook: {
    label: "Slack",
    use: "Posts to a Slack channel through an incoming webhook.",
    fields: [
      {
        name: "webhook_url",
        label: "Webhook URL",
        hint: "From the Slack app’s page “Incoming Webhooks”. It is a secret.",
        input: "secret",
        placeholder: "https://hooks.slack.com/services/…",
      },
      {
        name: "break_glass_mention",
        label: "Mention on break-glass",
        hint: "here, channel or the id of a user group such as S012AB3CD.",
        input: "text",
        optional: true,
      },
    ],
  },
  email: {
    label: "E-mail",
    use: "Sends mails through your SMTP server.",
    fields: [
      { name: "smtp_host", label: "SMTP host", input: "text", placeholder: "smtp.example.com" },
      { name: "smtp_port", label: "SMTP port", input: "number", placeholder: "587" },
      { name: "from_address", label: "From", input: "text", placeholder: "access@example.com" },
      { name: "to_addresses", label: "To", hint: "One address a line, at most 50.", input: "lines" },
      { name: "smtp_username", label: "User name", input: "text", optional: true },
      { name: "smtp_password", label: "Password", input: "secret", optional: true },
      {
        name: "tls",
        label: "Encryption",
        input: "choice",
        optional: true,
        choices: [
          { value: "", label: "STARTTLS where the server offers it" },
          { value: "starttls_required", label: "STARTTLS, or fail" },
          { value: "implicit", label: "TLS from the first byte" },
          { value: "none", label: "Never" },
        ],
      },
      {
        name: "time_zone",
        label: "Time zone",
        hint: "IANA name such as Europe/Berlin. Empty: the tenant’s.",
        input: "text",
        optional: true,
      },
      certificate,
    ],
  },
  generic_webhook: {
    label: "Webhook",
    use: "Posts JSON to any URL, signed if you like.",
    fields: [
      {
        name: "url",
        label: "URL",
        hint: "Path and query are kept secret, since they often hold a token.",
        input: "secret",
        placeholder: "https://example.com/hooks/access",
      },
      {
        name: "format",
        label: "Format",
        input: "choice",
        optional: true,
        choices: [
          { value: "", label: "The plain payload" },
          { value: "cloudevents_structured", label: "CloudEvents, structured" },
          { value: "cloudevents_binary", label: "CloudEvents, binary" },
        ],
      },
      {
        name: "headers",
        label: "Headers",
        hint: "Sent with every notice. The values are secrets.",
        input: "headers",
        optional: true,
      },
      certificate,
    ],
  },
  aws_sns: {
    label: "AWS SNS",
    use: "Publishes to an SNS topic.",
    fields: [
      {
        name: "topic_arn",
        label: "Topic ARN",
        input: "text",
        placeholder: "arn:aws:sns:eu-central-1:123456789012:access",
      },
      { name: "region", label: "Region", hint: "Empty: the one in the ARN.", input: "text", optional: true },
      { name: "role_arn", label: "Role to assume", hint: "Its ARN.", input: "text", optional: true },
      { name: "external_id", label: "External id", input: "text", optional: true },
    ],
  },
};

export function isKind(name: string): name is KindName {
  return (kindNames as readonly string[]).includes(name);
}

/** The label of a channel type, also of one that this console does not know. */
export function kindLabel(name: string): string {
  return isKind(name) ? kinds[name].label : name;
}

/** What secrets look like where they may not be read. */
export function isMasked(value: unknown): boolean {
  return typeof value === "string" && value.endsWith("********");
}
