import type { IncomingHttpHeaders } from "node:http";
import type { UniversalServerResponse } from "@connectrpc/connect/protocol";
import type { Call, HttpRequest } from "./calls.ts";
import type { Reply } from "./error-body.ts";

/** How long a client may go on sending a body that nobody wants any more, in milliseconds. */
const lingerMs = 1000;

/** Sends a whole reply; does nothing when the client is gone. */
export function sendReply({ request, response }: Call, { status, headers, body }: Reply): void {
  const length = status === 204 ? {} : { "content-length": String(Buffer.byteLength(body)) };
  response.writeHead(status, { ...headers, ...length });
  if (request.method === "HEAD" || body === "") response.end();
  else response.end(body);
  leaveBody(request);
}

/** Sends a response of Connect's, chunk by chunk. Rejects with what its body ends with. */
export async function sendUniversal(
  call: Call,
  { status, header, body, trailer }: UniversalServerResponse,
): Promise<void> {
  const { request, response } = call;
  const chunks = body?.[Symbol.asyncIterator]();
  try {
    let next = await chunks?.next();
    if (next?.done && trailer?.has("grpc-status")) {
      return sendTrailersOnly(call, { ...toNodeHeaders(header), ...toNodeHeaders(trailer) });
    }
    response.writeHead(status, toNodeHeaders(header));
    while (next && !next.done && !call.closed) {
      if (!response.write(next.value)) await drained(call);
      next = await chunks?.next();
    }
    if (trailer) response.addTrailers(toNodeHeaders(trailer));
    response.end();
    leaveBody(request);
  } finally {
    await chunks?.return?.();
  }
}

/**
 * Ends a gRPC call by its status alone. Such an answer has to be one frame: after headers
 * clients look for the status in a second one, and may not repeat the call.
 */
export function sendTrailersOnly(
  { request, response }: Call,
  headers: Readonly<Record<string, string>>,
): void {
  // Not by writeHead, after which HTTP/2 could only end the stream with a second frame.
  response.statusCode = 200;
  for (const name in headers) response.setHeader(name, headers[name] ?? "");
  response.end();
  leaveBody(request);
}

function drained({ response, closed }: Call): Promise<void> {
  return new Promise((resolve) => {
    if (closed) return resolve();
    const done = (): void => {
      response.off("drain", done).off("close", done);
      resolve();
    };
    response.on("drain", done).on("close", done);
  });
}

/** Drops what the client still sends, and its connection if it does not come to an end. */
function leaveBody(request: HttpRequest): void {
  if (request.complete) return;
  request.resume();
  // Not at once: an HTTP/1.1 client that is still writing would miss the response, and
  // an HTTP/2 one the trailers, which leave after the stream's "finish".
  setTimeout(() => {
    if (request.complete) return;
    if ("stream" in request) request.stream.close();
    else request.destroy();
  }, lingerMs).unref();
}

export function toHeaders(headers: IncomingHttpHeaders): Headers {
  const result = new Headers();
  for (const name in headers) {
    const value = headers[name];
    // HTTP/2 has its pseudo-headers among them.
    if (value === undefined || name.startsWith(":")) continue;
    if (typeof value === "string") result.append(name, value);
    else for (const item of value) result.append(name, item);
  }
  return result;
}

export function toNodeHeaders(headers: Headers | undefined): Record<string, string> {
  const result: Record<string, string> = {};
  headers?.forEach((value, name) => {
    result[name] = value;
  });
  return result;
}
