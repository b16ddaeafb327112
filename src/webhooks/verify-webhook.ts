import { isUint8Array } from "node:util/types";
import type { WebhookNotice } from "./notice.ts";
import { parseNotice } from "./parse-notice.ts";
import { verifyingKeyOf } from "./verifying-key.ts";
import { WebhookError } from "./webhook-error.ts";

export type { NoticeType } from "../events.ts";
export type { WebhookNotice } from "./notice.ts";
export { WebhookError, type WebhookProblem } from "./webhook-error.ts";

/** Headers as fetch, Node's `IncomingMessage` and most frameworks have them. */
export type WebhookHeaders = Headers | { readonly [name: string]: string | readonly string[] | undefined };

export interface ReceivedWebhook {
  /** The body exactly as it came, before anything has parsed it. */
  body: string | Uint8Array;
  headers: WebhookHeaders;
  /** The channel's signing secret ("whsec_…") or public key ("whpk_…"); several while one replaces the other. */
  secret: string | readonly string[];
  /** How far `webhook-timestamp` may be from now, either way, in milliseconds; default 300,000. */
  toleranceMs?: number;
  /** Milliseconds since 1970; default: the system's clock. */
  now?: () => number;
}

/**
 * Checks that a received request is a notice that the service has signed, and returns
 * the notice: that of a plain webhook and of a CloudEvent in either mode. The rules
 * are those of Standard Webhooks 1.0
 * (https://github.com/standard-webhooks/standard-webhooks/blob/main/spec/standard-webhooks.md).
 *
 * A notice can arrive more than once. Its `delivery_id`, which is also the
 * `webhook-id`, stays the same then: remember it where acting twice would do harm.
 *
 * @throws WebhookError that says why the request must not be acted upon
 * @throws TypeError for a secret that cannot be one, a body that was parsed, a tolerance that is no number
 */
export function verifyWebhook({ body, headers, secret, ...options }: ReceivedWebhook): WebhookNotice {
  const { toleranceMs = 300_000, now = Date.now } = options;
  checkUse(body, toleranceMs);
  const keys = [secret].flat().map(verifyingKeyOf);
  if (keys.length === 0) throw new TypeError("There is no webhook secret");
  const id = headerOf(headers, "webhook-id");
  const timestamp = headerOf(headers, "webhook-timestamp");
  const signatures = headerOf(headers, "webhook-signature").split(" ");
  checkTime(timestamp, now(), toleranceMs);
  const bytes = typeof body === "string" ? Buffer.from(body) : body;
  const signed = Buffer.concat([Buffer.from(`${id}.${timestamp}.`), bytes]);
  if (!signatures.some((signature) => keys.some((verifies) => verifies(signature, signed)))) {
    throw new WebhookError("signature_mismatch", "no signature matches the body and the secret");
  }
  const notice = parseNotice(Buffer.from(bytes).toString("utf8"));
  if (notice) return notice;
  throw new WebhookError("unknown_payload", "the body is not a notice in a known form");
}

/** Mistakes that no sender can make: with them every request would be refused, or every old one accepted. */
function checkUse(body: unknown, toleranceMs: unknown): void {
  if (typeof body !== "string" && !isUint8Array(body)) {
    throw new TypeError(
      "The webhook body must be the text or the bytes as they came: what a parser made of it has no signature",
    );
  }
  if (typeof toleranceMs !== "number" || !(toleranceMs >= 0)) {
    throw new TypeError(`toleranceMs must be a number of milliseconds from 0 on, not ${toleranceMs}`);
  }
}

function checkTime(timestamp: string, nowMs: number, toleranceMs: number): void {
  if (!/^\d{1,12}$/.test(timestamp)) {
    throw new WebhookError("malformed_timestamp", "webhook-timestamp is not a number of seconds");
  }
  const ageMs = nowMs - Number(timestamp) * 1000;
  if (ageMs > toleranceMs) throw new WebhookError("timestamp_too_old", "the request was sent too long ago");
  // The timestamp is cut to whole seconds: it is never later than the moment of sending.
  if (-ageMs > toleranceMs) throw new WebhookError("timestamp_too_new", "the request was sent in the future");
}

/** One value; what a framework joined or kept apart as several is ambiguous and counts as missing. */
function headerOf(headers: WebhookHeaders, name: string): string {
  const values = isFetchHeaders(headers)
    ? [headers.get(name)]
    : Object.entries(headers).flatMap(([key, value]) => (key.toLowerCase() === name ? value : []));
  const [value] = values;
  if (values.length === 1 && value) return value;
  throw new WebhookError("missing_header", `${name} must be there once`);
}

/** Not by instanceof: fetch implementations have classes of their own. */
function isFetchHeaders(headers: WebhookHeaders): headers is Headers {
  return typeof headers.get === "function";
}
