import type { NotificationChannel } from "../../clients/connect.ts";
import { snakeCase } from "../../snake-case.ts";
import { maskConfig } from "../../store/channel-secrets.ts";
import type { DesiredChannel } from "./channels-file.ts";
import type { Change, Plan } from "./plan.ts";

/** The plan for a reader, field by field. Shows no secret, and nothing that came from elsewhere than the file. */
export function planText({ changes, unchanged, kept }: Plan): string {
  const count = (kind: Change["kind"]) => changes.filter((change) => change.kind === kind).length;
  return [
    ...changes.map(changeText),
    ...kept.map(
      ({ name, channelType }) =>
        `  ${name} (${channelType}) is not in the file and stays; --prune deletes it`,
    ),
    `${count("create")} to create, ${count("update")} to update, ${count("delete")} to delete, ${unchanged} unchanged` +
      `${count("settings") ? "; tenant settings to update" : ""}`,
  ].join("\n");
}

function changeText(change: Change): string {
  switch (change.kind) {
    case "create":
      return block(`+ ${change.wanted.name} (${change.wanted.type})`, createdFields(change.wanted));
    case "update":
      return block(
        `~ ${change.wanted.name} (${change.wanted.type})`,
        change.fields.map((field) => updatedField(field, change.wanted, change.channel)),
      );
    case "delete":
      return `- ${change.channel.name} (${change.channel.channelType})`;
    case "settings":
      return block(
        "~ tenant settings",
        change.fields.map(
          (field) => `${snakeCase(field)}: ${text(change.before[field])} → ${text(change.wanted[field])}`,
        ),
      );
  }
}

function block(title: string, lines: string[]): string {
  return [title, ...lines.map((line) => `    ${line}`)].join("\n");
}

function createdFields(wanted: DesiredChannel): string[] {
  const shown = fieldsOf(maskConfig(wanted.type, wanted.config), wanted);
  return Object.entries(shown).map(([field, value]) => `${field}: ${sourceOf(wanted, field) ?? text(value)}`);
}

function updatedField(path: string, wanted: DesiredChannel, channel: NotificationChannel): string {
  const field = path.replace(/^config\./, "");
  const source = sourceOf(wanted, field);
  if (source) return `${field}: changed, ${source}`;
  const before = text(fieldsOf(channel.config ?? {}, channel)[field]);
  const after = text(fieldsOf(maskConfig(wanted.type, wanted.config), wanted)[field]);
  const why =
    field === "enabled" && channel.disabledReason
      ? ` (the service disabled it: ${channel.disabledReason})`
      : "";
  return before === after ? `${field}: ${after}, its secret changed` : `${field}: ${before} → ${after}${why}`;
}

function fieldsOf(
  config: object,
  channel: Pick<NotificationChannel, "enabled" | "ordered" | "eventFilters">,
) {
  const { enabled, ordered, eventFilters } = channel;
  const all: Record<string, unknown> = { ...config, event_filters: eventFilters, enabled, ordered };
  return all;
}

function sourceOf({ sources }: DesiredChannel, field: string): string | undefined {
  const source = sources.get(field);
  return source && `from ${source}`;
}

function text(value: unknown): string {
  return value === undefined || value === "" ? "(none)" : JSON.stringify(value);
}
