import { type DescMethod, getOption } from "@bufbuild/protobuf";
import type { HandlerContext } from "@connectrpc/connect";
import { validate as isUuid } from "uuid";
import { required_scope } from "../../gen/jitsudo/notifications/v1/options_pb.js";
import { type Authenticate, type Authentication, callerKey } from "../services/caller.ts";
import { apiError, invalidField, tryLater } from "../services/errors.ts";
import type { BodyBound } from "./body-bound.ts";
import { openCallKey } from "./calls.ts";
import { endWithKey } from "./end-with-key.ts";
import type { ToCallError } from "./failures.ts";
import type { KeylessStreams } from "./keyless-streams.ts";
import { untilAborted } from "./until-aborted.ts";

export interface RequestGateOptions {
  authenticate: Authenticate;
  toCallError: ToCallError;
  /** The services that anyone may call, by full name. */
  open: ReadonlySet<string>;
  /** Bounds their streams. */
  keylessStreams: KeylessStreams;
  /** Bounds the bodies of unary calls. */
  bodyBound: BodyBound;
  /** All methods that are served. */
  methods: DescMethod[];
}

/**
 * Lets a call pass, before its body is read, when its key and tenant belong
 * together and the key has the method's scope; leaves the caller in the context. A stream
 * ends when its key does.
 * Throws the ConnectError that refuses the call.
 */
export type RequestGate = (context: HandlerContext) => Promise<void>;

/** As a method's required_scope: any key of the tenant will do. */
const anyKey = "*";

/** Throws when a method that is not open names no scope: it would be open by mistake. */
export function createRequestGate({
  authenticate,
  toCallError,
  open,
  keylessStreams,
  bodyBound,
  methods,
}: RequestGateOptions): RequestGate {
  const scopes = new Map<DescMethod, string>();
  for (const method of methods) {
    if (open.has(method.parent.typeName)) continue;
    const scope = getOption(method, required_scope);
    if (!scope) throw new Error(`${method.parent.typeName}.${method.name} has no required_scope`);
    scopes.set(method, scope);
  }

  return async (context) => {
    const call = context.values.get(openCallKey);
    const isStream = context.method.methodKind !== "unary";
    if (open.has(context.service.typeName)) {
      if (call && isStream) keylessStreams(call);
      return;
    }
    const apiKey = headerOf(context, "x-api-key");
    if (!apiKey) throw apiError("unauthenticated", "the header X-API-Key is missing");
    const tenantId = headerOf(context, "x-tenant-id")?.toLowerCase();
    if (!tenantId) throw invalidField("X-Tenant-ID", "the header is missing; it must be the tenant's UUID");
    if (!isUuid(tenantId)) throw invalidField("X-Tenant-ID", "must be the tenant's UUID");

    const clientAddress = call?.request.socket?.remoteAddress ?? "unknown";
    const answer = await authenticated(apiKey, tenantId, clientAddress, context);
    if (answer.kind === "unknown_key") {
      throw apiError("unauthenticated", "the header X-API-Key holds no valid key");
    }
    if (answer.kind === "tenant_mismatch") {
      throw apiError(
        "tenant_mismatch",
        "the key in X-API-Key belongs to another tenant than X-Tenant-ID names",
      );
    }
    if (answer.kind === "unknown_tenant") {
      const field = { field: "X-Tenant-ID", message: "there is no tenant of this id" };
      throw apiError("tenant_mismatch", `${field.field}: ${field.message}`, [field]);
    }
    if (answer.kind === "rate_limited") {
      throw tryLater("the key has used up its calls for now", answer.retryAfterMs);
    }
    if (answer.kind === "locked_out") {
      throw tryLater("too many calls with invalid keys from this address", answer.retryAfterMs);
    }
    const scope = scopes.get(context.method);
    if (scope !== anyKey && (scope === undefined || !answer.caller.scopes.has(scope))) {
      throw apiError("permission_denied", `the key lacks the scope ${scope}`);
    }
    if (call && isStream) endWithKey(call, answer.isKeyGood);
    else if (call) call.countBody = bodyBound(call, tenantId);
    const { requestId = "", traceparent } = call ?? {};
    context.values.set(callerKey, { ...answer.caller, clientAddress, requestId, traceparent });
  };

  async function authenticated(
    apiKey: string,
    tenantId: string,
    clientAddress: string,
    context: HandlerContext,
  ): Promise<Authentication> {
    try {
      return await untilAborted(authenticate(apiKey, tenantId, clientAddress), context.signal);
    } catch (reason) {
      throw toCallError(reason, context);
    }
  }
}

/** Read from the request itself, which spares the REST path the making of a Headers object. */
function headerOf(context: HandlerContext, name: string): string | undefined {
  const value = context.values.get(openCallKey)?.request.headers[name];
  return typeof value === "string" ? value : undefined;
}
