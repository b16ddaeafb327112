import { type ContextKey, createContextKey, type HandlerContext } from "@connectrpc/connect";
import type { Actor } from "../store/audit.ts";
import type { Store, TenantStore } from "../store/store.ts";

/** What a tenant's API key may be allowed to do. */
export const scopes = [
  "channels:read",
  "channels:write",
  "events:write",
  "deliveries:read",
  "deliveries:write",
  "audit:read",
] as const;

export type Scope = (typeof scopes)[number];

/** Whom an API key stands for, for the one tenant that the call is about. */
export interface KeyHolder {
  keyId: string;
  tenantId: string;
  /** Whether the key is good for all tenants. */
  isOperator: boolean;
  scopes: ReadonlySet<string>;
}

/** Who makes a call, and from where. */
export interface Caller extends KeyHolder {
  /** The address that the connection comes from: the client's, or its last proxy's. */
  clientAddress: string;
  requestId: string;
  /** The call's place in its trace, for what it sets off; undefined when there is no trace. */
  traceparent: string | undefined;
}

/** How presenting a key for a tenant ends. */
export type Authentication =
  /** `isKeyGood`: whether the key has not ended since; asking counts as no call. */
  | { kind: "ok"; caller: KeyHolder; isKeyGood: () => Promise<boolean> }
  | { kind: "unknown_key" }
  | { kind: "tenant_mismatch" }
  /** An operator key, and a tenant that does not exist. */
  | { kind: "unknown_tenant" }
  /** The key has made all the calls that it may make for now. */
  | { kind: "rate_limited"; retryAfterMs: number }
  /** The address has tried too many keys that do not exist. */
  | { kind: "locked_out"; retryAfterMs: number };

/** Checks a key against the tenant that the call names. */
export type Authenticate = (
  apiKey: string,
  tenantId: string,
  clientAddress: string,
) => Promise<Authentication>;

/** Where the request gate leaves the caller for the handlers. */
export const callerKey: ContextKey<Caller | undefined> = createContextKey<Caller | undefined>(undefined);

/** The caller of a call that has passed the gate. Throws when the gate was left out: a defect. */
export function callerOf(context: HandlerContext): Caller {
  const caller = context.values.get(callerKey);
  if (!caller) throw new Error("The request gate did not run");
  return caller;
}

/** What belongs to the caller's tenant, for as long as the call goes on. */
export function storeOf(store: Store, context: HandlerContext): TenantStore {
  return store.forTenant(callerOf(context).tenantId, context.signal);
}

/** The caller as the audit trail names whoever makes a change. */
export function actorOf(context: HandlerContext): Actor {
  const { keyId, isOperator, clientAddress, requestId } = callerOf(context);
  return { type: isOperator ? "operator_key" : "api_key", id: keyId, clientAddress, requestId };
}
