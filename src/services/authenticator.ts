import { shareRunning } from "../async/share-running.ts";
import type { ApiKeys } from "../store/api-keys.ts";
import type { ApiKeyRow } from "../store/entities.ts";
import { type Authenticate, type Authentication, scopes } from "./caller.ts";
import type { KeyGuessing } from "./key-guessing.ts";
import type { KeyUsage } from "./key-usage.ts";
import type { RateLimiter } from "./rate-limit.ts";

export interface AuthenticatorOptions {
  keys: Pick<ApiKeys, "findKey" | "tenantExists">;
  limiter: RateLimiter;
  guessing: KeyGuessing;
  usage: KeyUsage;
  /** Calls a second of a key that has no limit of its own; 0: no limit. */
  callsPerSecond: number;
}

/** A key is looked up again after this time, so that a revocation takes effect within seconds. */
const cacheMs = 2_000;
const maxCached = 10_000;

interface Cached {
  row: ApiKeyRow;
  until: number;
}

type Lookup = { kind: "found"; row: ApiKeyRow } | Exclude<Authentication, { kind: "ok" }>;

/** Checks API keys against the store, with a short memory for those that were just used. */
export function createAuthenticator(options: AuthenticatorOptions): Authenticate {
  const { keys, limiter, guessing, usage, callsPerSecond } = options;
  /** Good keys, the one that was looked up longest ago first. */
  const cache = new Map<string, Cached>();
  const shared = shareRunning<Lookup>();
  const knownTenants = new Set<string>();

  return async (apiKey, tenantId, clientAddress): Promise<Authentication> => {
    const found = await find(apiKey, clientAddress);
    if (found.kind !== "found") return found;
    const key = found.row;
    // Who has the key of one tenant is not told which others there are.
    if (key.tenantId !== null && key.tenantId !== tenantId) return { kind: "tenant_mismatch" };
    if (key.tenantId === null && !(await tenantExists(tenantId))) return { kind: "unknown_tenant" };
    const retryAfterMs = limiter.take(key.id, key.rateLimitPerSecond ?? callsPerSecond);
    if (retryAfterMs > 0) return { kind: "rate_limited", retryAfterMs };
    usage.used(key.id);
    const isOperator = key.tenantId === null;
    // An operator key has every scope.
    const granted = new Set<string>(isOperator ? scopes : key.scopes);
    const caller = { keyId: key.id, tenantId, isOperator, scopes: granted };
    const isKeyGood = async () => (await find(apiKey, clientAddress)).kind !== "unknown_key";
    return { kind: "ok", caller, isKeyGood };
  };

  /** As it was `cacheMs` ago at the most. */
  async function find(apiKey: string, clientAddress: string): Promise<Lookup> {
    const cached = cache.get(apiKey);
    const fresh = cached && cached.until > performance.now();
    const found: Lookup = fresh
      ? { kind: "found", row: cached.row }
      : await shared(apiKey, () => lookUp(apiKey, clientAddress));
    const expiresAt = found.kind === "found" ? found.row.expiresAt : undefined;
    return expiresAt && expiresAt <= new Date() ? { kind: "unknown_key" } : found;
  }

  async function lookUp(apiKey: string, clientAddress: string): Promise<Lookup> {
    // Who was good a while ago is not guessing, whoever else calls from the same address.
    const isGuess = !cache.has(apiKey);
    const retryAfterMs = isGuess ? guessing.tryFrom(clientAddress) : 0;
    if (retryAfterMs > 0) return { kind: "locked_out", retryAfterMs };
    const row = await keys.findKey(apiKey);
    cache.delete(apiKey);
    if (!row) return { kind: "unknown_key" };
    if (isGuess) guessing.succeeded(clientAddress);
    if (cache.size >= maxCached) forgetFirst();
    cache.set(apiKey, { row, until: performance.now() + cacheMs });
    return { kind: "found", row };
  }

  function forgetFirst(): void {
    const [first] = cache.keys();
    if (first !== undefined) cache.delete(first);
  }

  async function tenantExists(tenantId: string): Promise<boolean> {
    if (knownTenants.has(tenantId)) return true;
    const exists = await keys.tenantExists(tenantId);
    if (exists) knownTenants.add(tenantId);
    return exists;
  }
}
