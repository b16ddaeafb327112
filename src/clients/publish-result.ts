import { Code, ConnectError } from "@connectrpc/connect";
import { ErrorDetailSchema } from "../../gen/jitsudo/notifications/v1/error_pb.js";
import type {
  IngestEventError,
  IngestEventResponse,
  IngestEventResult,
} from "../../gen/jitsudo/notifications/v1/event_pb.js";

/** Whoever waits for what became of one event. */
export interface Publisher {
  resolve(response: IngestEventResponse): void;
  reject(error: ConnectError): void;
}

/** Tells the publisher what the service said about its event. */
export function settleEvent({ resolve, reject }: Publisher, answer: IngestEventResult | undefined): void {
  switch (answer?.result.case) {
    case "accepted":
      resolve(answer.result.value);
      break;
    case "rejected":
      reject(refusalOf(answer.result.value));
      break;
    default:
      reject(new ConnectError("the service did not say what became of the event", Code.Internal));
  }
}

/** The error that the event would have met as a call of its own. */
function refusalOf({ message, detail }: IngestEventError): ConnectError {
  const code = detail?.code === "already_exists" ? Code.AlreadyExists : Code.InvalidArgument;
  return new ConnectError(message, code, undefined, detail && [{ desc: ErrorDetailSchema, value: detail }]);
}
