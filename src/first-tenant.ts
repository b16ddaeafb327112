import type { Config } from "./config.ts";
import { keepCredentials, keptCredentials } from "./data-dir.ts";
import { scopes } from "./services/caller.ts";
import type { ApiKeys } from "./store/api-keys.ts";

/** The tenant and the key that the first start makes. */
export interface Credentials {
  tenantId: string;
  apiKey: string;
}

/**
 * Makes a tenant and a key for it in a database that has no tenant yet, and keeps
 * both in the data folder. Answers what is kept there for this database, or undefined when
 * another process or an operator made the first tenant, or the key has ended.
 */
export async function makeFirstTenant(keys: ApiKeys, { dataDir }: Config): Promise<Credentials | undefined> {
  if ((await keys.listTenants()).length > 0) return findKept(keys, dataDir);
  const tenant = await keys.createTenant("default");
  const settings = {
    tenantId: tenant.id,
    name: "first key",
    scopes: [...scopes],
    expiresAt: null,
    rateLimitPerSecond: null,
  };
  const { key } = await keys.createKey(settings, { type: "service" });
  const credentials = { tenantId: tenant.id, apiKey: key };
  keepCredentials(dataDir, credentials);
  return credentials;
}

/** In one data folder the service may have run on several databases. */
async function findKept(keys: ApiKeys, dataDir: string): Promise<Credentials | undefined> {
  for (const kept of keptCredentials(dataDir)) {
    const key = await keys.findKey(kept.apiKey);
    if (key?.tenantId !== kept.tenantId) continue;
    keepCredentials(dataDir, kept);
    return kept;
  }
  return undefined;
}
