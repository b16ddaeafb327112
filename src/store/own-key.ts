import type { Database } from "./database.ts";

/** What a tenant's caller may know about its key. */
export interface OwnKey {
  name: string;
  tenantName: string;
  expiresAt: Date | undefined;
}

/** Finds a key of the tenant, or for all tenants. Answers undefined when it was just deleted. */
export async function readOwnKey(
  database: Database,
  tenantId: string,
  keyId: string,
): Promise<OwnKey | undefined> {
  const [row] = await database.query<{ name: string; tenantName: string; expiresAt: string | null }>(ownKey, [
    tenantId,
    keyId,
  ]);
  return row && { ...row, expiresAt: row.expiresAt === null ? undefined : new Date(row.expiresAt) };
}

/* By primary keys. */
const ownKey = {
  name: "own_key",
  text: `
    select k.name, t.name as "tenantName", k.expires_at as "expiresAt"
    from api_key k join tenant t on t.id = $1
    where k.id = $2 and (k.tenant_id = $1 or k.tenant_id is null)`,
};
