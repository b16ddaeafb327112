import type { DescMethod } from "@bufbuild/protobuf";
import { Code, ConnectError, createContextValues } from "@connectrpc/connect";
import type { UniversalHandler } from "@connectrpc/connect/protocol";
import { setTrailerStatus } from "@connectrpc/connect/protocol-grpc";
import { type Call, type Calls, type HttpRequest, type HttpResponse, openCallKey } from "./calls.ts";
import { dropEndlessDeadline } from "./client-deadline.ts";
import { errorReply, httpError, httpErrorOfStatus } from "./error-body.ts";
import { bodyChunks, readBody } from "./request-body.ts";
import { sendReply, sendTrailersOnly, sendUniversal, toHeaders, toNodeHeaders } from "./write-response.ts";

export interface RpcHandlerOptions {
  handlers: UniversalHandler[];
  calls: Calls;
  /** The most bytes that a message may have. */
  maxBytesOf(method: DescMethod): number;
  requestTimeoutMs: number;
}

/** Answers a request for `/package.Service/Method`; false when there is no such method. */
export type RpcHandler = (request: HttpRequest, response: HttpResponse, path: string) => boolean;

/**
 * Connects Node's servers with Connect's handlers of gRPC, gRPC-Web and Connect.
 * Does the same as connect-node's adapter, but gives unary calls a deadline, takes
 * a unary body in one piece and ends calls that the client gave up.
 */
export function createRpcHandler(options: RpcHandlerOptions): RpcHandler {
  const { calls, maxBytesOf, requestTimeoutMs } = options;
  const handlers = new Map(options.handlers.map((handler) => [handler.requestPath, handler]));

  return (request, response, path) => {
    const handler = handlers.get(path);
    if (!handler) return refuseGrpc(request, response);
    const { method } = handler;
    const isUnary = method.methodKind === "unary";
    const name = `${method.parent.name}.${method.name}`;
    const call = calls.begin(request, response, name, isUnary ? requestTimeoutMs : undefined);
    if (handler.allowedMethods.includes(request.method ?? "")) {
      answer(handler, call, isUnary).catch((error: unknown) => calls.breakOff(call, error));
    } else {
      const allow = handler.allowedMethods.join(", ");
      call.error = httpError("method_not_allowed", `this path takes ${allow}`, { allow });
      sendReply(call, errorReply(call.error));
    }
    return true;
  };

  async function answer(handler: UniversalHandler, call: Call, isUnary: boolean): Promise<void> {
    const { request, signal } = call;
    const answered = await handler({
      httpVersion: request.httpVersion,
      method: request.method ?? "",
      url: `http://localhost${request.url}`,
      header: dropEndlessDeadline(toHeaders(request.headers)),
      body: isUnary ? unaryBody(call, handler.method) : bodyChunks(request, signal),
      signal,
      contextValues: createContextValues().set(openCallKey, call),
    });
    if (answered.body) return await sendUniversal(call, answered);
    // Without a body are only those answers that precede the choice of a protocol.
    call.error = httpErrorOfStatus(answered.status);
    sendReply(call, errorReply(call.error));
  }

  async function* unaryBody(call: Call, method: DescMethod): AsyncGenerator<Buffer> {
    const { headers } = call.request;
    // gRPC puts five bytes before a message.
    const body = await readBody(call, maxBytesOf(method) + 5);
    const isJson = headers["content-type"]?.startsWith("application/json") && !headers["content-encoding"];
    if (isJson) call.body = body;
    yield body;
  }

  /** A gRPC client understands only its own form of "not found", with the detail that all our errors have. */
  function refuseGrpc(request: HttpRequest, response: HttpResponse): boolean {
    if (!request.headers["content-type"]?.startsWith("application/grpc")) return false;
    const call = calls.begin(request, response, "not_found", requestTimeoutMs);
    call.error = httpError("not_found", "there is no such method");
    const status = new ConnectError(call.error.rawMessage, Code.Unimplemented);
    status.details = call.error.details;
    const trailer = toNodeHeaders(setTrailerStatus(new Headers(), status));
    sendTrailersOnly(call, { "content-type": "application/grpc", ...trailer });
    return true;
  }
}
