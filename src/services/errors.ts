import { create } from "@bufbuild/protobuf";
import { Code, ConnectError } from "@connectrpc/connect";
import { ErrorDetailSchema } from "../../gen/jitsudo/notifications/v1/error_pb.js";
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
} as const;

export type ErrorCode = keyof typeof protocolCodes;

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

/**
 * The error for a call that failed because the database is away; undefined when
 * `reason` is anything else.
 */
export function unavailableError(reason: unknown): ConnectError | undefined {
  if (!isDatabaseUnavailable(reason)) return undefined;
  return apiError("unavailable", "the database is not available, try again later");
}

/** The error for fields that break a rule; the message names them all. */
export function invalidFields(fields: FieldViolation[]): ConnectError {
  const message = fields.map(({ field, message }) => (field ? `${field}: ${message}` : message)).join("; ");
  return apiError("invalid_argument", message, fields);
}
