import { noticeSchema, type WebhookNotice } from "./notice.ts";

/**
 * The notice in a body: the body itself, or the data of a CloudEvent in structured mode
 * (in binary mode the body is the data). What the body is, is told from the body alone,
 * since it is signed and `content-type` is not. Undefined when it is no notice.
 */
export function parseNotice(body: string): WebhookNotice | undefined {
  const json = parseJson(body);
  const isCloudEvent = isObject(json) && json.specversion === "1.0";
  const notice = isCloudEvent ? json.data : json;
  return isNotice(notice) ? notice : undefined;
}

/** Members that a reader may count on; what else the schema promises was checked by the sender. */
function isNotice(value: unknown): value is WebhookNotice {
  return (
    isObject(value) &&
    value.schema === noticeSchema &&
    [value.id, value.type, value.timestamp, value.delivery_id].every((text) => typeof text === "string") &&
    isObject(value.data)
  );
}

function isObject(value: unknown): value is Record<string, unknown> {
  return typeof value === "object" && value !== null && !Array.isArray(value);
}

function parseJson(text: string): unknown {
  try {
    return JSON.parse(text);
  } catch {
    return undefined; // Not JSON: not a notice.
  }
}
