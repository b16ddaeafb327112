import { type ContextValues, createContextValues, type HandlerContext } from "@connectrpc/connect";
import { type Call, openCallKey } from "./calls.ts";
import type { Route } from "./rest-routes.ts";
import { toHeaders } from "./write-response.ts";

/** The context of a REST call; its protocolName is "rest". */
export function createRestContext({ method }: Route, call: Call): HandlerContext {
  const { request, signal } = call;
  let requestHeader: Headers | undefined;
  let responseHeader: Headers | undefined;
  let responseTrailer: Headers | undefined;
  const values: ContextValues = createContextValues().set(openCallKey, call);
  // Headers are made when someone asks for them, which nearly nobody does.
  return {
    method,
    service: method.parent,
    signal,
    timeoutMs: () => undefined,
    requestMethod: request.method ?? "",
    url: request.url ?? "",
    protocolName: "rest",
    values,
    get requestHeader() {
      requestHeader ??= toHeaders(request.headers);
      return requestHeader;
    },
    get responseHeader() {
      responseHeader ??= new Headers();
      return responseHeader;
    },
    get responseTrailer() {
      responseTrailer ??= new Headers();
      return responseTrailer;
    },
  };
}
