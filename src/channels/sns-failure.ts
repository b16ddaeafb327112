import type { SendOutcome } from "./channel.ts";
import { AttemptEnded } from "./deadline.ts";
import { describeFailure, describeStatus } from "./http-failure.ts";
import { excerpt } from "./response-excerpt.ts";

/**
 * Errors that stay for the same message, topic and permissions, as the SNS API reference
 * names them, and AccessDenied, which STS answers for a role that may not be assumed.
 */
const permanentErrors = new Set([
  "AccessDenied",
  "AuthorizationError",
  "EndpointDisabled",
  "InvalidParameter",
  "InvalidParameterValue",
  "InvalidSecurity",
  "KMSAccessDenied",
  "KMSDisabled",
  "KMSInvalidState",
  "KMSNotFound",
  "KMSOptInRequired",
  "NotFound",
  "PlatformApplicationDisabled",
  "Validation",
]);

/** What an error of the SDK means for the delivery; its text holds neither credentials nor addresses. */
export function snsFailure(error: unknown): SendOutcome {
  if (!(error instanceof Error)) return { kind: "retry", error: "not published" };
  const { $fault, $metadata, $response, message }: SdkError = error;
  const statusCode = $metadata?.httpStatusCode ?? $response?.statusCode;
  if (statusCode === undefined) return { kind: "retry", error: describeUnanswered(error) };
  // An answer that is not SNS's or STS's own, for instance a proxy's page.
  if (!$fault) return { kind: "retry", statusCode, error: describeStatus(statusCode) };

  const name = error.name.replace(/Exception$/, "");
  return permanentErrors.has(name)
    ? { kind: "failed", statusCode, error: `${name}: ${excerpt(message, () => [])}` }
    : // Without the message: a refused signature is answered with the session token.
      { kind: "retry", statusCode, error: name };
}

/** What the SDK adds to errors; `$fault` and the status only where there was an answer. */
interface SdkError extends Error {
  $fault?: "client" | "server";
  $metadata?: { httpStatusCode?: number };
  $response?: { statusCode?: number };
}

function describeUnanswered(error: Error): string {
  if (error instanceof AttemptEnded) return error.message;
  if (error.name.endsWith("ProviderError")) return "no AWS credentials could be loaded";
  return describeFailure(error);
}
