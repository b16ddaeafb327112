import { Code, ConnectError } from "@connectrpc/connect";
import { ErrorDetailSchema } from "../../../gen/jitsudo/notifications/v1/error_pb.js";

/** Why a call failed, for people. */
export interface Failure {
  /** As the API names it, for example "invalid_argument". */
  code: string;
  message: string;
  /** What is wrong with which field of the request. */
  fields: { field: string; message: string }[];
}

export function failureOf(error: unknown): Failure {
  const failed = ConnectError.from(error);
  const [detail] = failed.findDetails(ErrorDetailSchema);
  if (!detail) return { code: "unreachable", message: unreachable(failed), fields: [] };
  const fields = detail.fields.map(({ field, message }) => ({ field, message }));
  return { code: detail.code, message: sentence(failed.rawMessage), fields };
}

/** Whether there is nothing of the id that was asked for; what is no id at all is the id of nothing. */
export function isNoSuch({ code, fields }: Failure): boolean {
  return code === "not_found" || fields.some(({ field }) => field === "id");
}

/** An error as the service would make it, for what the console itself refuses. */
export function apiFailure(field: string, message: string): ConnectError {
  const value = { code: "invalid_argument", fields: [{ field, message }] };
  return new ConnectError(message, Code.InvalidArgument, undefined, [{ desc: ErrorDetailSchema, value }]);
}

/** Every error of the service has a detail; what has none comes from the network or a proxy. */
function unreachable({ code, rawMessage }: ConnectError): string {
  if (code === Code.DeadlineExceeded) return "The service did not answer in time.";
  if (code === Code.Unknown || code === Code.Unavailable) return "The service cannot be reached.";
  return `The service cannot be reached: ${rawMessage}`;
}

function sentence(text: string): string {
  const begun = text.charAt(0).toUpperCase() + text.slice(1);
  return /[.!?]$/.test(begun) ? begun : `${begun}.`;
}
