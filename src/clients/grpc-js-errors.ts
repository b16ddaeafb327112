import { Code, ConnectError } from "@connectrpc/connect";
import { findTrailerError, headerStatusDetailsBin } from "@connectrpc/connect/protocol-grpc";
import type { Metadata, ServiceError } from "@grpc/grpc-js";

/**
 * The error of a grpc-js call as a ConnectError, so that both clients fail
 * alike: same codes (the numbers are gRPC's), same message, same details. The
 * original is its `cause`.
 */
export function connectErrorFrom(error: unknown): ConnectError {
  if (!isServiceError(error)) return ConnectError.from(error, Code.Internal);
  const status = statusOf(error.metadata);
  const message = status?.rawMessage ?? reservedDecoded(error.details);
  const code = error.code in Code ? (error.code as number) : Code.Unknown;
  const result = new ConnectError(message, code, textHeaders(error.metadata), undefined, error);
  result.details = status?.details ?? [];
  return result;
}

export function canceledError(): ConnectError {
  return new ConnectError("The call was cancelled by its signal", Code.Canceled);
}

function isServiceError(error: unknown): error is ServiceError {
  return error instanceof Error && "code" in error && "details" in error && "metadata" in error;
}

/**
 * Connect writes `grpc-message` with encodeURIComponent, grpc-js reads it with
 * decodeURI, which leaves the characters that are reserved in a URI: ":" comes
 * as "%3A". A message that contains the text "%3A" itself cannot be told apart
 * here; the status details, which all errors of the service have, carry it intact.
 */
function reservedDecoded(text: string): string {
  return text.replace(/%(?:2[346BCF]|3[ABDF]|40)/gi, decodeURIComponent);
}

/**
 * What the google.rpc.Status in `grpc-status-details-bin` says, with the message as the
 * service wrote it. Undefined where there is none or it cannot be read: the call's own
 * code and message still tell what happened.
 */
function statusOf(metadata: Metadata): ConnectError | undefined {
  const [bytes] = metadata.get(headerStatusDetailsBin);
  if (!(bytes instanceof Buffer)) return undefined;
  try {
    return findTrailerError(new Headers({ [headerStatusDetailsBin]: bytes.toString("base64") }));
  } catch {
    return undefined;
  }
}

function textHeaders(metadata: Metadata): Headers {
  const headers = new Headers();
  for (const key of Object.keys(metadata.getMap())) {
    for (const value of metadata.get(key)) {
      if (typeof value === "string") headers.append(key, value);
    }
  }
  return headers;
}
