import { createHash, randomBytes, timingSafeEqual } from "node:crypto";
import { LockMode } from "@mikro-orm/core";
import { snakeCase } from "../snake-case.ts";
import { uuidv7 } from "../uuid-v7.ts";
import { type Actor, recordChange } from "./audit.ts";
import type { Database } from "./database.ts";
import { ApiKey, type ApiKeyRow, Tenant, type TenantRow } from "./entities.ts";

export type ApiKeys = ReturnType<typeof createApiKeys>;

/** What is decided about a key when it is made. */
export interface KeySettings {
  /** Null makes an operator key. */
  tenantId: string | null;
  name: string;
  scopes: string[];
  expiresAt: Date | null;
  /** Calls a second; null: what the service allows every key; 0: no limit. */
  rateLimitPerSecond: number | null;
}

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

    /** Makes a key. The answer is the only place where the key can be read. */
    async createKey(settings: KeySettings, by: Actor): Promise<{ id: string; key: string }> {
      const prefix = `jsn_${randomBytes(prefixBytes).toString("hex")}`;
      const key = `${prefix}_${randomBytes(secretBytes).toString("base64url")}`;
      const id = uuidv7();
      const row = { ...settings, id, prefix, hash: hashOf(key), createdAt: new Date() };
      const { tenantId, ...named } = settings;
      const fields = Object.entries(named).flatMap(([name, value]) =>
        value === null ? [] : [snakeCase(name)],
      );
      await entityManager().transactional(async (em) => {
        await em.insert(ApiKey, row);
        const entry = { action: "created", resourceType: "api_key", resourceId: id, fields } as const;
        await recordChange(em, tenantId, by, entry);
      });
      return { id, key };
    },

    async listKeys(tenantId?: string): Promise<ApiKeyRow[]> {
      return entityManager().find(ApiKey, tenantId ? { tenantId } : {}, { orderBy: { id: "asc" } });
    },

    /** Answers false when there is no such key, or it was revoked before. */
    async revokeKey(id: string, by: Actor): Promise<boolean> {
      return entityManager().transactional(async (em) => {
        const living = { id, revokedAt: null };
        const row = await em.findOne(ApiKey, living, { lockMode: LockMode.PESSIMISTIC_WRITE });
        if (!row) return false;
        row.revokedAt = new Date();
        await recordChange(em, row.tenantId ?? null, by, {
          action: "revoked",
          resourceType: "api_key",
          resourceId: id,
          fields: [],
        });
        return true;
      });
    },

    /** Stores when keys were used last, for each at most once a minute, however many processes note it. */
    async recordUse(ids: string[], at: Date): Promise<void> {
      await database.query(recordUse, [ids, at.toISOString()]);
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

/* By primary key, in its order, so that two processes do not dead-lock. */
const recordUse = {
  name: "record_key_use",
  text: `
    update api_key set last_used_at = $2
    where id in (
      select id from api_key
      where id = any ($1::uuid[]) and (last_used_at is null or last_used_at <= $2::timestamptz - interval '59 seconds')
      order by id for update
    )`,
};

function hashOf(key: string): string {
  return createHash("sha256").update(key).digest("hex");
}
