import { Code, ConnectError, type HandlerContext } from "@connectrpc/connect";
import type { Logger } from "pino";
import { createFailureLog } from "../observability/failure-log.ts";
import { apiError, busyError, invalidField, unavailableError } from "../services/errors.ts";
import { openCallKey } from "./calls.ts";
import { describeError } from "./describe-error.ts";

/**
 * Turns whatever a handler threw into the error that the caller gets. What nobody
 * foresaw is logged, and its text stays here: the caller gets a fixed one.
 */
export type ToCallError = (reason: unknown, context: HandlerContext) => ConnectError;

export function createToCallError({ log }: { log: Logger }): ToCallError {
  const failed = createFailureLog(log);

  return (reason, { signal, values, method }) => {
    if (reason instanceof ConnectError) {
      const mistake = senderMistake(reason);
      if (mistake) return mistake;
      if (!isUnforeseen(reason)) return reason;
    }
    // A handler that is aborted may fail in any way; why it was aborted is the answer.
    const why: unknown = signal.aborted ? signal.reason : undefined;
    if (why instanceof ConnectError) return why;
    const busy = busyError(reason);
    if (busy) return busy;
    const call = values.get(openCallKey);
    const occurrence = {
      request_id: call?.requestId,
      trace_id: call?.traceId,
      method: `${method.parent.name}.${method.name}`,
      error: describeError(reason),
    };
    const unavailable = unavailableError(reason);
    if (unavailable) {
      failed("warn", occurrence, reason, "database unavailable");
      return unavailable;
    }
    log.error(occurrence, "unexpected error");
    // With the detail it is known as foreseen, wherever it passes again.
    return apiError("internal", "internal error");
  };
}

/** What Connect calls an internal error, although the sender made the mistake. */
function senderMistake({ code, rawMessage }: ConnectError): ConnectError | undefined {
  if (code !== Code.Internal) return undefined;
  const found = mistakes.find(([beginning]) => rawMessage.startsWith(beginning));
  return found && invalidField("", found[1]);
}

const mistakes = [
  ["parse binary:", "not a valid message in protobuf's binary format"],
  ["received compressed envelope", "a message is marked as compressed, but no header says how"],
  ["decompression failed", "a message cannot be decompressed as its header says"],
] as const;

function isUnforeseen({ code, details }: ConnectError): boolean {
  return details.length === 0 && (code === Code.Internal || code === Code.Unknown);
}
