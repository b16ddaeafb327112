import type { ApiKeys } from "../store/api-keys.ts";
import type { ApiKeyRow } from "../store/entities.ts";
import { type Authenticate, type Authentication, scopes } from "./caller.ts";

/** A key is looked up again after this time, so that a revocation takes effect within seconds. */
const cacheMs = 2_000;
const maxCached = 10_000;

interface Cached {
  found: ApiKeyRow | undefined;
  until: number;
}

/** Checks API keys against the store, with a short memory for those that were just used. */
export function createAuthenticator(keys: ApiKeys): Authenticate {
  const cache = new Map<string, Cached>();
  const knownTenants = new Set<string>();

  async function find(apiKey: string): Promise<ApiKeyRow | undefined> {
    const cached = cache.get(apiKey);
    if (cached && cached.until > performance.now()) return cached.found;
    const found = await keys.findKey(apiKey);
    if (cache.size >= maxCached) cache.clear();
    if (found) cache.set(apiKey, { found, until: performance.now() + cacheMs });
    return found;
  }

  async function tenantExists(tenantId: string): Promise<boolean> {
    if (knownTenants.has(tenantId)) return true;
    const exists = await keys.tenantExists(tenantId);
    if (exists) knownTenants.add(tenantId);
    return exists;
  }

  return async (apiKey, tenantId): Promise<Authentication> => {
    const key = await find(apiKey);
    if (!key || (key.expiresAt && key.expiresAt <= new Date())) return { kind: "unknown_key" };
    if (key.tenantId === null ? !(await tenantExists(tenantId)) : key.tenantId !== tenantId) {
      return { kind: "tenant_mismatch" };
    }
    // An operator key has every scope.
    const granted = key.tenantId === null ? scopes : key.scopes;
    return { kind: "ok", caller: { keyId: key.id, tenantId, scopes: new Set<string>(granted) } };
  };
}
