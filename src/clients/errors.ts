import { ConnectError } from "@connectrpc/connect";
import { type ErrorDetail, ErrorDetailSchema } from "../../gen/jitsudo/notifications/v1/error_pb.js";

/**
 * What the service told about a failed call beyond its protocol code: the
 * machine-readable `code` and every offending field. Takes whatever a call of
 * either client threw; undefined when the service said nothing (it was not
 * reached, the deadline passed, something in between answered).
 */
export function errorDetailOf(error: unknown): ErrorDetail | undefined {
  return error instanceof ConnectError ? error.findDetails(ErrorDetailSchema)[0] : undefined;
}
