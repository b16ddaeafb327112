/** Why a received request is not a notice of ours. */
export type WebhookProblem =
  /** `webhook-id`, `webhook-timestamp` or `webhook-signature` is missing or said twice. */
  | "missing_header"
  /** `webhook-timestamp` is no number of seconds. */
  | "malformed_timestamp"
  /** Sent too long ago: an old request that somebody repeats, or a clock that is wrong. */
  | "timestamp_too_old"
  /** Sent in the future: a clock that is wrong. */
  | "timestamp_too_new"
  /** None of the signatures was made with one of the secrets over this body. */
  | "signature_mismatch"
  /** The signature is right, but the body is no notice of a form that is known here. */
  | "unknown_payload";

/**
 * The request must not be acted upon. Answer 401, or 400 to "unknown_payload"; the
 * service tries again what is not answered with 2xx.
 */
export class WebhookError extends Error {
  readonly problem: WebhookProblem;

  constructor(problem: WebhookProblem, message: string) {
    super(message);
    this.name = "WebhookError";
    this.problem = problem;
  }
}
