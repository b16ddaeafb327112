import { create, type JsonObject, type JsonValue, toJson } from "@bufbuild/protobuf";
import canonicalize from "canonicalize";
import {
  type IngestEventRequest,
  IngestEventRequestSchema,
} from "../../gen/jitsudo/notifications/v1/event_pb.js";
import { type FieldViolation, invalidField, invalidFields } from "./errors.ts";

/**
 * Attributes have so many bytes at the most, as canonical JSON: they are read, worded and sent
 * anew for each channel, and large ones would hold up all others.
 */
const maxAttributesBytes = 65_536;

/**
 * The event as it was sent, without what tells the service how to handle it, in
 * the canonical form of RFC 8785: equal events have equal texts, whichever
 * protocol they came by. Throws invalid_argument for what that form cannot hold, and for
 * what is too large.
 */
export function canonicalPayload(request: IngestEventRequest): string {
  const json = jsonOf(request);
  const text = json && canonicalOf(withoutHandling(json));
  if (text === undefined) throw invalidFields(fieldsBeyondJson(request));
  // All other fields have bounds of their own.
  if (text.length > maxAttributesBytes / 4) assertAttributesFit(json?.attributes);
  return text;
}

function assertAttributesFit(attributes: JsonValue | undefined): void {
  const bytes = Buffer.byteLength(canonicalize(attributes ?? {}) ?? "");
  if (bytes <= maxAttributesBytes) return;
  throw invalidField("attributes", `must be at most ${maxAttributesBytes} bytes as JSON, not ${bytes}`);
}

function withoutHandling({ idempotency_key: _key, deliver_before: _before, ...payload }: JsonObject) {
  return payload;
}

/**
 * Protobuf's binary form, and also JSON, can say what has no canonical form: NaN, 1e400, half
 * a surrogate pair, times beyond the year 9999, a Value without a kind.
 */
function fieldsBeyondJson(request: IngestEventRequest): FieldViolation[] {
  const { fields } = IngestEventRequestSchema;
  const beyond = fields.filter(({ localName }) => {
    const alone = { type: "", [localName]: request[localName as keyof IngestEventRequest] };
    const json = jsonOf(create(IngestEventRequestSchema, alone));
    return !json || canonicalOf(json) === undefined;
  });
  const message = "must be what JSON can hold: finite numbers, whole Unicode characters, years 1 to 9999";
  return beyond.map(({ name }) => ({ field: name, message }));
}

function jsonOf(request: IngestEventRequest): JsonObject | undefined {
  try {
    return toJson(IngestEventRequestSchema, request, { useProtoFieldName: true }) as JsonObject;
  } catch {
    return undefined; // Which field it was, is found out by its own.
  }
}

function canonicalOf(json: JsonObject): string | undefined {
  try {
    return canonicalize(json);
  } catch {
    return undefined;
  }
}
