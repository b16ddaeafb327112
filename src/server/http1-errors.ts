import type { Duplex } from "node:stream";

/** Answers what is no HTTP/1.1 request, and ends its connection. */
export function answerClientError(error: Error, socket: Duplex): void {
  // Without a request there is no response object, hence the answer by hand.
  const [status, code, message] = answerFor(error);
  const body = JSON.stringify({ code, message, details: {} });
  if (!socket.writable) {
    socket.destroy();
    return;
  }
  socket.end(
    `HTTP/1.1 ${status}\r\nconnection: close\r\ncontent-type: application/json\r\n` +
      `content-length: ${Buffer.byteLength(body)}\r\n\r\n${body}`,
    () => socket.destroy(),
  );
}

function answerFor(error: Error & { code?: string }): [status: string, code: string, message: string] {
  switch (error.code) {
    case "ERR_HTTP_REQUEST_TIMEOUT":
      return ["408 Request Timeout", "deadline_exceeded", "the request did not arrive in time"];
    case "HPE_HEADER_OVERFLOW":
      return ["431 Request Header Fields Too Large", "invalid_argument", "the request headers are too large"];
    default:
      return ["400 Bad Request", "invalid_argument", "not an HTTP/1.1 request"];
  }
}
