import { createConnectRouter } from "@connectrpc/connect";
import { compressionBrotli, compressionGzip } from "@connectrpc/connect-node";
import { Health } from "../../gen/health/v1/health_pb.js";
import { createBodyBound } from "./body-bound.ts";
import { watchCallEnd } from "./call-end.ts";
import { type Calls, type HttpRequest, type HttpResponse, openCallKey } from "./calls.ts";
import { createToCallError } from "./failures.ts";
import { createGuardedRouter } from "./guarded-router.ts";
import { createHealthPages, registerHealth } from "./health.ts";
import { jsonOptions } from "./json-options.ts";
import { createKeylessStreams } from "./keyless-streams.ts";
import type { Readiness } from "./readiness.ts";
import { reflectionServices, registerReflection } from "./reflection.ts";
import { createRequestGate } from "./request-gate.ts";
import { createRestHandler } from "./rest-handler.ts";
import { createRestRoutes } from "./rest-routes.ts";
import { createRpcHandler } from "./rpc-handler.ts";
import type { ServerOptions } from "./server-options.ts";

/** What answers each request, of either HTTP version. */
export type RequestListener = (request: HttpRequest, response: HttpResponse) => void;

/** The services that anyone may call. */
const open = new Set([Health.typeName, ...reflectionServices]);

/** The most bytes of a message to them: who has no key must not be able to have much memory filled. */
const maxOpenBytes = 16_384;

/**
 * Puts together all that answers requests. Throws when a method names no scope or
 * its REST annotation is not supported.
 */
export function createRequestListener(
  { routes, authenticate, validate, maxBodyBytes, requestTimeoutMs, log, pages }: ServerOptions,
  calls: Calls,
  readiness: Readiness,
): RequestListener {
  const toCallError = createToCallError({ log });
  const router = createConnectRouter({
    requestGate: (context) => {
      const call = context.values.get(openCallKey);
      if (call) watchCallEnd(context, call, toCallError);
      return gate(context);
    },
    readMaxBytes: maxBodyBytes,
    acceptCompression: [compressionGzip, compressionBrotli],
    // On the lines between services, compressing an answer of some KiB costs more than sending it.
    compressMinBytes: 64 * 1024,
    jsonOptions,
  });
  const guarded = createGuardedRouter(router, { validate, toCallError });
  routes(guarded);
  const openLimits = { readMaxBytes: Math.min(maxOpenBytes, maxBodyBytes) };
  registerHealth(guarded, readiness, () => services.map(({ typeName }) => typeName), openLimits);
  registerReflection(guarded, () => services, openLimits);
  const services = [...new Set(router.handlers.map(({ service }) => service))];
  const gate = createRequestGate({
    authenticate,
    toCallError,
    open,
    keylessStreams: createKeylessStreams(),
    bodyBound: createBodyBound(maxBodyBytes),
    methods: router.handlers.map(({ method }) => method),
  });

  const answerRpc = createRpcHandler({
    handlers: router.handlers,
    calls,
    maxBytesOf: ({ parent }) => (open.has(parent.typeName) ? openLimits.readMaxBytes : maxBodyBytes),
    requestTimeoutMs,
  });
  const answerHealth = createHealthPages({ readiness, calls });
  const answerRest = createRestHandler({
    routes: createRestRoutes(guarded.unary),
    gate,
    toCallError,
    calls,
    maxBodyBytes,
    requestTimeoutMs,
  });

  return (request, response) => {
    const [path, query] = splitTarget(request.url ?? "/");
    if (answerRpc(request, response, path)) return;
    if (answerHealth(request, response, path)) return;
    if (pages?.(request, response)) return;
    answerRest(request, response, path, query);
  };
}

function splitTarget(target: string): [path: string, query: string] {
  // RFC 9112, section 3.2.2: a server takes the absolute form too.
  const local = target.startsWith("/") ? target : target.replace(/^https?:\/\/[^/?#]*/i, "");
  const mark = local.indexOf("?");
  return mark < 0 ? [local, ""] : [local.slice(0, mark), local.slice(mark + 1)];
}
