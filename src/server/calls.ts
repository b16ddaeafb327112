import { randomUUID } from "node:crypto";
import type { EventEmitter } from "node:events";
import type { IncomingMessage, OutgoingHttpHeaders } from "node:http";
import type { Http2ServerRequest } from "node:http2";
import { Code, ConnectError, type ContextKey, createContextKey } from "@connectrpc/connect";
import type { Logger } from "pino";
import { describeError } from "./describe-error.ts";
import { codeOf } from "./error-body.ts";
import type { ObserveCall } from "./observe-call.ts";

export type HttpRequest = IncomingMessage | Http2ServerRequest;

/** What HTTP/1.1 and HTTP/2 responses have in common, as far as it is used here. */
export interface HttpResponse extends EventEmitter {
  statusCode: number;
  readonly headersSent: boolean;
  readonly writableEnded: boolean;
  setHeader(name: string, value: string): unknown;
  writeHead(status: number, headers: OutgoingHttpHeaders): unknown;
  write(chunk: Uint8Array): boolean;
  addTrailers(trailers: OutgoingHttpHeaders): void;
  end(chunk?: string | Uint8Array): unknown;
  destroy(): unknown;
}

/** One HTTP request from its head to the end of its response. */
export interface Call {
  /** The client's `x-request-id`, or a new UUID. */
  readonly requestId: string;
  /** For the work that the call sets off; undefined when there is no trace. */
  readonly traceparent: string | undefined;
  /** For the log; undefined when there is no trace. */
  readonly traceId: string | undefined;
  readonly request: HttpRequest;
  readonly response: HttpResponse;
  /** Aborted with a ConnectError once the call must end: client gone, deadline passed, server stopping. */
  readonly signal: AbortSignal;
  /** True once nothing can be written any more. */
  closed: boolean;
  /** Ends the call with an error. */
  abort(reason: ConnectError): void;
  /** A unary body as it was sent, kept to explain what is wrong with it. */
  body?: Buffer;
  /** To be told of each part of a unary body; throws when the tenant's calls have too much of it. Absent: nobody counts. */
  countBody?: (bytes: number) => void;
  /** What the call ended with, when it was not success. */
  error?: ConnectError;
}

/** Where the handlers of all protocols find the call they belong to. */
export const openCallKey: ContextKey<Call | undefined> = createContextKey<Call | undefined>(undefined);

export interface Calls {
  /**
   * `name` is for the log: a method or a route, never a path as sent.
   * `timeoutMs`: the call's deadline; undefined for streams, which have none.
   */
  begin(request: HttpRequest, response: HttpResponse, name: string, timeoutMs?: number): Call;
  /** Ends a call whose response could not be written. */
  breakOff(call: Call, error: unknown): void;
  /** From now on each HTTP/1.1 response closes its connection. */
  closeConnectionsAfterwards(): void;
  abortAll(reason: ConnectError): void;
  /** Resolves once no call is open. */
  drained(): Promise<void>;
}

export function createCalls({ log, observe }: { log: Logger; observe: ObserveCall }): Calls {
  const open = new Map<Call, AbortController>();
  const drainWaiters: (() => void)[] = [];
  let closing = false;

  return {
    begin(request, response, name, timeoutMs) {
      const startedAt = performance.now();
      const controller = new AbortController();
      const requestId = requestIdOf(request);
      const observation = observe(request, name);
      const { traceparent, traceId } = observation;
      const { signal } = controller;
      const abort = (reason: ConnectError): void => controller.abort(reason);
      const call: Call = { requestId, traceparent, traceId, request, response, signal, closed: false, abort };
      open.set(call, controller);
      response.setHeader("x-request-id", requestId);
      // A cache between knows nothing of X-API-Key and would answer others with what one may see.
      response.setHeader("cache-control", "no-store");
      if (closing) closeAfterwards(response);

      let deadline = timeoutMs === undefined ? undefined : setTimeout(expire, timeoutMs);
      function expire(): void {
        // An answer that the client does not read is not kept for longer than it took to make.
        deadline = setTimeout(() => response.destroy(), timeoutMs);
        controller.abort(
          new ConnectError(`the call took longer than ${timeoutMs} ms`, Code.DeadlineExceeded),
        );
      }
      response.once("close", () => {
        clearTimeout(deadline);
        call.closed = true;
        open.delete(call);
        if (!response.writableEnded) controller.abort(clientGone());
        if (open.size === 0) for (const resolve of drainWaiters.splice(0)) resolve();
        const durationMs = performance.now() - startedAt;
        const code = outcomeOf(call);
        observation.end({ requestId, code, status: response.statusCode, durationMs });
        if (log.isLevelEnabled("debug")) logCall(call, name, code, durationMs);
      });
      return call;
    },

    breakOff({ requestId, traceId, response, closed }, error) {
      // When the client is gone, writing fails as a matter of course.
      if (!closed) {
        log.error(
          { request_id: requestId, trace_id: traceId, error: describeError(error) },
          "response broke off",
        );
      }
      response.destroy();
    },

    closeConnectionsAfterwards() {
      closing = true;
      for (const { response } of open.keys()) closeAfterwards(response);
    },

    abortAll(reason) {
      for (const controller of open.values()) controller.abort(reason);
    },

    drained() {
      if (open.size === 0) return Promise.resolve();
      return new Promise((resolve) => drainWaiters.push(resolve));
    },
  };

  function logCall(call: Call, name: string, outcome: string, durationMs: number): void {
    const { requestId, traceId, request, response } = call;
    log.debug(
      {
        request_id: requestId,
        trace_id: traceId,
        method: name,
        http: request.httpVersion,
        status: response.statusCode,
        outcome,
        duration_ms: Math.round(durationMs * 10) / 10,
      },
      "request",
    );
  }
}

function outcomeOf({ error, response }: Call): string {
  if (error) return codeOf(error);
  return response.writableEnded ? "ok" : "canceled";
}

function requestIdOf(request: HttpRequest): string {
  const sent = request.headers["x-request-id"];
  // Anything else could forge log lines or response headers.
  return typeof sent === "string" && /^[\w.:/+=-]{1,128}$/.test(sent) ? sent : randomUUID();
}

function closeAfterwards(response: HttpResponse): void {
  if ("shouldKeepAlive" in response && !response.headersSent) response.shouldKeepAlive = false;
}

function clientGone(): ConnectError {
  return new ConnectError("the client closed the connection", Code.Canceled);
}
