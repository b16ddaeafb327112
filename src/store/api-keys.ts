import { createHash, randomBytes, timingSafeEqual } from "node:crypto";
import { v7 as uuidv7 } from "uuid";
import type { Database } from "./database.ts";
import { ApiKey, type ApiKeyRow, Tenant, type TenantRow } from "./entities.ts";

export type ApiKeys = ReturnType<typeof createApiKeys>;

const prefixBytes = 6;
const secretBytes = 32;

/**
 * Tenants and their API keys, for the gate of the server and for operators.
 * A key reads `jsn_<prefix>_<secret>`: the prefix finds the row, the secret has 256
 * bits, and only the SHA-256 of the whole is stored, which is enough for a
 * secret that nobody can guess.
 */
export function createApiKeys(database: Database) {
  const entityManager = () => database.orm.em.fork();

  return {
    /** Throws a UniqueConstraintViolationException when the name is taken. */
    async createTenant(name: string): Promise<TenantRow> {
      const row = { id: uuidv7(), name, createdAt: new Date() };
      await entityManager().insert(Tenant, row);
      return row;
    },

    async listTenants(): Promise<TenantRow[]> {
      return entityManager().find(Tenant, {}, { orderBy: { id: "asc" } });
    },

    async tenantExists(id: string): Promise<boolean> {
      return (await entityManager().count(Tenant, { id })) > 0;
    },

    /** Makes a key; `tenantId` null makes an operator key. The answer is the only place where the key can be read. */
    async createKey(options: {
      tenantId: string | null;
      name: string;
      scopes: string[];
      expiresAt: Date | null;
    }): Promise<{ id: string; key: string }> {
      const prefix = `jsn_${randomBytes(prefixBytes).toString("hex")}`;
      const key = `${prefix}_${randomBytes(secretBytes).toString("base64url")}`;
      const id = uuidv7();
      const row = { ...options, id, prefix, hash: hashOf(key), createdAt: new Date() };
      await entityManager().insert(ApiKey, row);
      return { id, key };
    },

    async listKeys(tenantId?: string): Promise<ApiKeyRow[]> {
      return entityManager().find(ApiKey, tenantId ? { tenantId } : {}, { orderBy: { id: "asc" } });
    },

    /** Answers false when there is no such key, or it was revoked before. */
    async revokeKey(id: string): Promise<boolean> {
      const now = new Date();
      return (await entityManager().nativeUpdate(ApiKey, { id, revokedAt: null }, { revokedAt: now })) > 0;
    },

    /** The living key that `key` is, or undefined; compared in constant time. */
    async findKey(key: string): Promise<ApiKeyRow | undefined> {
      const prefix = /^(jsn_[0-9a-f]{12})_[A-Za-z0-9_-]{43}$/.exec(key)?.[1];
      const row = prefix && (await entityManager().findOne(ApiKey, { prefix }));
      if (!row) return undefined;
      const matches = timingSafeEqual(Buffer.from(row.hash, "hex"), Buffer.from(hashOf(key), "hex"));
      const living = !row.revokedAt && (!row.expiresAt || row.expiresAt > new Date());
      return matches && living ? row : undefined;
    },
  };
}

function hashOf(key: string): string {
  return createHash("sha256").update(key).digest("hex");
}
