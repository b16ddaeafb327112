import { type ContextKey, createContextKey, type HandlerContext } from "@connectrpc/connect";

/** What a tenant's API key may be allowed to do. */
export const scopes = [
  "channels:read",
  "channels:write",
  "events:write",
  "deliveries:read",
  "deliveries:write",
] as const;

export type Scope = (typeof scopes)[number];

/** Who makes a call, for the one tenant that the call is about. */
export interface Caller {
  keyId: string;
  tenantId: string;
  scopes: ReadonlySet<string>;
}

/** How presenting a key for a tenant ends. */
export type Authentication =
  | { kind: "ok"; caller: Caller }
  | { kind: "unknown_key" }
  | { kind: "tenant_mismatch" };

/** Checks a key against the tenant that the call names. */
export type Authenticate = (apiKey: string, tenantId: string) => Promise<Authentication>;

/** Where the request gate leaves the caller for the handlers. */
export const callerKey: ContextKey<Caller | undefined> = createContextKey<Caller | undefined>(undefined);

/** The caller of a call that has passed the gate. Throws when the gate was left out: a defect. */
export function callerOf(context: HandlerContext): Caller {
  const caller = context.values.get(callerKey);
  if (!caller) throw new Error("The request gate did not run");
  return caller;
}
