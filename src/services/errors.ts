import { create } from "@bufbuild/protobuf";
import { Code, ConnectError } from "@connectrpc/connect";
import { ErrorDetailSchema } from "../../gen/jitsudo/notifications/v1/error_pb.js";
import { TenantBusyError } from "../store/tenant-turns.ts";
import { isDatabaseUnavailable } from "../store/unavailable.ts";

/** Every code that the API answers with, and the protocol code that stands for it. */
const protocolCodes = {
  invalid_argument: Code.InvalidArgument,
  unauthenticated: Code.Unauthenticated,
  tenant_mismatch: Code.PermissionDenied,
  permission_denied: Code.PermissionDenied,
  not_found: Code.NotFound,
  already_exists: Code.AlreadyExists,
  resource_exhausted: Code.ResourceExhausted,
  unavailable: Code.Unavailable,
  internal: Code.Internal,
} as const;

type ErrorCode = keyof typeof protocolCodes;

/** What is wrong with one field: its path in snake_case, and what is allowed. */
export interface FieldViolation {
  field: string;
  message: string;
}

/**
 * An error for the caller, in the one shape that all protocols derive theirs from.
 * Names that a caller sent may stand in it; half a surrogate pair in them, which
 * neither a gRPC status nor protobuf can hold, becomes U+FFFD.
 */
export function apiError(code: ErrorCode, message: string, fields: FieldViolation[] = []): ConnectError {
  const detail = create(ErrorDetailSchema, {
    code,
    fields: fields.map(({ field, message }) => ({
      field: field.toWellFormed(),
      message: message.toWellFormed(),
    })),
  });
  return new ConnectError(message.toWellFormed(), protocolCodes[code], undefined, [
    { desc: ErrorDetailSchema, value: detail },
  ]);
}

/** The error for an id that names nothing of the tenant's. `kind`: "channel". */
export function notFound(kind: string, id: string): ConnectError {
  return apiError("not_found", `there is no ${kind} ${id}`);
}

/** What was looked for by its id. Throws not_found when it is not there. */
export function found<Row>(row: Row | undefined, kind: string, id: string): Row {
  if (row === undefined) throw notFound(kind, id);
  return row;
}

/** The error for what is too much for now, with Retry-After. */
export function tryLater(message: string, retryAfterMs: number): ConnectError {
  const error = apiError("resource_exhausted", message);
  error.metadata.set("retry-after", String(Math.max(1, Math.ceil(retryAfterMs / 1000))));
  return error;
}

/** The error for a call of a tenant that has too many under way; undefined when `reason` is anything else. */
export function busyError(reason: unknown): ConnectError | undefined {
  return reason instanceof TenantBusyError ? tryLater(reason.message, 1000) : undefined;
}

/**
 * The error for a call that failed because the database is away; undefined when
 * `reason` is anything else.
 */
export function unavailableError(reason: unknown): ConnectError | undefined {
  if (!isDatabaseUnavailable(reason)) return undefined;
  return apiError("unavailable", "the database is not available, try again later");
}

/** An error names so many fields at the most, each with so many characters: it must cost no more than what it is about. */
export const maxNamed = 20;
const maxTextLength = 500;

/** The error for fields that break a rule; the message names them, up to a number. */
export function invalidFields(all: FieldViolation[]): ConnectError {
  const fields = all.slice(0, maxNamed).map(({ field, message }) => ({
    field: shortened(field),
    message: shortened(message),
  }));
  const texts = fields.map(({ field, message }) => (field ? `${field}: ${message}` : message));
  const more = all.length - fields.length;
  if (more > 0) texts.push(`and ${more} more`);
  return apiError("invalid_argument", texts.join("; "), fields);
}

/** The error for one field that breaks a rule. */
export function invalidField(field: string, message: string): ConnectError {
  return invalidFields([{ field, message }]);
}

/** Throws invalid_argument when there are any. */
export function refuse(violations: FieldViolation[]): void {
  if (violations.length > 0) throw invalidFields(violations);
}

function shortened(text: string): string {
  return text.length > maxTextLength ? `${text.slice(0, maxTextLength)}…` : text;
}
