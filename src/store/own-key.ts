import type { Database } from "./database.ts";

/** What a tenant's caller may know about its key. */
export interface OwnKey {
  name: string;
  tenantName: string;
  expiresAt: Date | undefined;
}

export type OwnKeyReader = ReturnType<typeof createOwnKeyReader>;

/** Finds keys of the tenant, and keys for all tenants. */
export function createOwnKeyReader(database: Database, tenantId: string) {
  return {
    /** Answers undefined when the key was just deleted. */
    async get(keyId: string): Promise<OwnKey | undefined> {
      const [row] = await database.query<{ name: string; tenantName: string; expiresAt: string | null }>(
        ownKey,
        [tenantId, keyId],
      );
      return row && { ...row, expiresAt: row.expiresAt === null ? undefined : new Date(row.expiresAt) };
    },
  };
}

/* By primary keys. */
const ownKey = {
  name: "own_key",
  text: `
    select k.name, t.name as "tenantName", k.expires_at as "expiresAt"
    from api_key k join tenant t on t.id = $1
    where k.id = $2 and (k.tenant_id = $1 or k.tenant_id is null)`,
};
