import { tryLater } from "../services/errors.ts";
import type { Call } from "./calls.ts";

const maxOfConnection = 10;
const maxOfServer = 1_000;
const retryAfterMs = 5_000;

/**
 * Takes in a stream for which nobody needs a key: Health.Watch and reflection, which have no
 * deadline, so that anybody could hold any number of them. Throws for one that is too many.
 */
export type KeylessStreams = (call: Call) => void;

/** A client needs one watch for each of its connections; the bounds leave room beyond that. */
export function createKeylessStreams(): KeylessStreams {
  const ofConnection = new WeakMap<object, number>();
  let ofServer = 0;

  return (call) => {
    const connection = connectionOf(call);
    const others = ofConnection.get(connection) ?? 0;
    if (others >= maxOfConnection) throw tooMany("connection", maxOfConnection);
    if (ofServer >= maxOfServer) throw tooMany("server", maxOfServer);
    if (call.closed) return;
    ofConnection.set(connection, others + 1);
    ofServer++;
    call.response.once("close", () => {
      ofConnection.set(connection, (ofConnection.get(connection) ?? 1) - 1);
      ofServer--;
    });
  };
}

function connectionOf({ request }: Call): object {
  // Of HTTP/2 the socket is a proxy, and there is no session once it has ended.
  return "stream" in request ? (request.stream.session ?? request) : request.socket;
}

function tooMany(holder: string, max: number) {
  const message = `the ${holder} has ${max} open streams without a key and may not have more`;
  return tryLater(message, retryAfterMs);
}
