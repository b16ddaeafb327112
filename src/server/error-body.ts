import { create } from "@bufbuild/protobuf";
import { Code, ConnectError } from "@connectrpc/connect";
import { codeToHttpStatus, codeToString } from "@connectrpc/connect/protocol-connect";
import { ErrorDetailSchema } from "../../gen/jitsudo/notifications/v1/error_pb.js";

/** Failures that only HTTP knows. */
const httpOnly = {
  not_found: { code: Code.NotFound, status: 404 },
  method_not_allowed: { code: Code.Unimplemented, status: 405 },
  payload_too_large: { code: Code.ResourceExhausted, status: 413 },
  unsupported_media_type: { code: Code.InvalidArgument, status: 415 },
  http_version_not_supported: { code: Code.Unimplemented, status: 505 },
} as const;

type HttpErrorCode = keyof typeof httpOnly;

/** An error of the HTTP layer; `headers` go out with the response. */
export function httpError(
  code: HttpErrorCode,
  message: string,
  headers: Record<string, string> = {},
): ConnectError {
  return new ConnectError(message, httpOnly[code].code, headers, [
    { desc: ErrorDetailSchema, value: create(ErrorDetailSchema, { code }) },
  ]);
}

/** The error of each HTTP status that Connect answers without a body. */
export function httpErrorOfStatus(status: number): ConnectError {
  if (status === 505) {
    return httpError("http_version_not_supported", "bidirectional streams need HTTP/2", {
      connection: "close",
    });
  }
  return httpError("unsupported_media_type", "the Content-Type is none that this method speaks");
}

export interface Reply {
  status: number;
  headers: Record<string, string>;
  /** Empty: none is sent. */
  body: string;
}

/** The error's snake_case code, the same on all protocols. */
export function codeOf(error: ConnectError): string {
  return error.findDetails(ErrorDetailSchema)[0]?.code ?? codeToString(error.code);
}

/** The REST answer that says what the error says. */
export function errorReply(error: ConnectError): Reply {
  const [detail] = error.findDetails(ErrorDetailSchema);
  const code = codeOf(error);
  const fields = detail?.fields.map(({ field, message }) => ({ field, message })) ?? [];
  const headers: Record<string, string> = { "content-type": "application/json" };
  // Metadata of an error is made for headers: Retry-After, Allow.
  error.metadata.forEach((value, name) => {
    headers[name] = value;
  });
  // RFC 9110, section 15.5.2, wants a challenge; this one names our header.
  if (error.code === Code.Unauthenticated) headers["www-authenticate"] = 'ApiKey header="X-API-Key"';
  return {
    status: code in httpOnly ? httpOnly[code as HttpErrorCode].status : codeToHttpStatus(error.code),
    headers,
    body: `${JSON.stringify({ code, message: error.rawMessage, details: fields.length > 0 ? { fields } : {} })}\n`,
  };
}
