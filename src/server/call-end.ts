import { create } from "@bufbuild/protobuf";
import { Code, ConnectError, type HandlerContext } from "@connectrpc/connect";
import { codeToString } from "@connectrpc/connect/protocol-connect";
import { ErrorDetailSchema } from "../../gen/jitsudo/notifications/v1/error_pb.js";
import { invalidFields } from "../services/errors.ts";
import { explainJsonError, parseJson } from "../services/json-violations.ts";
import type { Call } from "./calls.ts";
import type { ToCallError } from "./failures.ts";

/** What the signals of calls that ended well are aborted with. */
const ended = new ConnectError("the call has ended", Code.Canceled);

/**
 * Sees to it that an error which Connect itself found, above all in a body that it
 * could not decode, leaves with the same detail as ours do, and notes it in `call`.
 *
 * Every protocol of Connect ends a call through its context's `abort`, with the
 * error if there is one and before that error is written, so this is where they
 * pass. (An abort without a reason would make a DOMException with a stack for each
 * call: an eighth of its cost.) Throws when Connect has changed in this.
 */
export function watchCallEnd(context: HandlerContext, call: Call, toCallError: ToCallError): void {
  const controlled = context as HandlerContext & { abort?(reason?: unknown): void };
  const abort = controlled.abort;
  if (!abort) throw new Error("Connect's context has no abort any more");
  controlled.abort = (reason) => {
    if (reason !== undefined && !call.error) {
      if (reason instanceof ConnectError) completeError(reason, context, call);
      const error = toCallError(reason, context);
      if (reason instanceof ConnectError && error !== reason) become(reason, error);
      call.error = error;
    }
    abort(reason ?? ended);
  };
}

/** Gives the library's errors the detail that all errors have; leaves alone what nobody foresaw. */
function completeError(error: ConnectError, context: HandlerContext, call: Call): void {
  if (error.details.length > 0) return;
  // Connect's own text may quote the caller, and a gRPC status cannot hold half a surrogate pair.
  become(error, { ...error, rawMessage: error.rawMessage.toWellFormed() });
  if (error.code === Code.InvalidArgument && error.cause !== undefined) {
    const json = call.body && parseJson(call.body.toString());
    become(error, invalidFields(explainJsonError(context.method.input, json, error.cause)));
  } else if (error.code !== Code.Internal && error.code !== Code.Unknown) {
    const detail = create(ErrorDetailSchema, { code: codeToString(error.code) });
    error.details.push({ desc: ErrorDetailSchema, value: detail });
  }
}

/** Connect holds on to the error it has, so that one is changed. */
function become(
  error: ConnectError,
  { code, rawMessage, details }: Pick<ConnectError, "code" | "rawMessage" | "details">,
): void {
  Object.assign(error, { code, rawMessage, details });
}
