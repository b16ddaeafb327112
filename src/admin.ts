import { z } from "zod";
import { scopes } from "./services/caller.ts";
import { snakeCase } from "./snake-case.ts";
import type { ApiKeys } from "./store/api-keys.ts";
import type { Database } from "./store/database.ts";
import type { SecretBox } from "./store/secret-box.ts";
import { countSecrets, rotateSecrets } from "./store/secret-rotation.ts";

const uuid = z.uuid();

/** What an operator can ask for, from the command line; every argument is checked here. */
const adminCommands = {
  "tenants create": z.strictObject({ name: z.string().trim().min(1).max(200) }),
  "tenants list": z.strictObject({}),
  "keys create": z.strictObject({
    name: z.string().trim().min(1).max(200),
    /** Absent: an operator key, good for all tenants. */
    tenant: uuid.optional(),
    scopes: z.array(z.enum(scopes)).min(1).optional(),
    expiresAt: z.iso
      .datetime({ offset: true, error: "must be an RFC 3339 time, for example 2027-01-31T00:00:00Z" })
      .refine((time) => Date.parse(time) > Date.now(), "must be in the future")
      .optional(),
    /** Calls a second; absent: what the service allows every key; 0: no limit. */
    rateLimit: z.int("must be a whole number from 0 to 1000000").min(0).max(1_000_000).optional(),
  }),
  "keys list": z.strictObject({ tenant: uuid.optional() }),
  "keys revoke": z.strictObject({ id: uuid }),
  "secrets status": z.strictObject({}),
  "secrets rotate": z.strictObject({}),
};

/** What the commands work on. */
export interface AdminTools {
  keys: ApiKeys;
  database: Database;
  /** Asked for by the commands that need it alone: without configured keys it makes one. */
  box(): SecretBox;
}

/** How the audit trail names whoever uses the command line. */
const operator = { type: "cli" } as const;

type AdminCommand = keyof typeof adminCommands;

/** A command that cannot be carried out; the message is for the operator. */
export class AdminError extends Error {}

/** Carries a command out and answers what to print, as JSON. Throws an AdminError. */
export async function runAdminCommand(tools: AdminTools, command: string, args: unknown): Promise<unknown> {
  const { keys } = tools;
  switch (command) {
    case "tenants create": {
      const { name } = parse(command, args);
      if ((await keys.listTenants()).some((tenant) => tenant.name === name)) {
        throw new AdminError(`There is a tenant named ${name} already`);
      }
      return tenantRow(await keys.createTenant(name));
    }
    case "tenants list":
      return (await keys.listTenants()).map(tenantRow);
    case "keys create": {
      const { name, tenant, expiresAt, rateLimit, ...rest } = parse(command, args);
      if (tenant !== undefined && !(await keys.tenantExists(tenant))) {
        throw new AdminError(`There is no tenant ${tenant}`);
      }
      const settings = {
        name,
        tenantId: tenant ?? null,
        scopes: rest.scopes ?? [...scopes],
        expiresAt: expiresAt === undefined ? null : new Date(expiresAt),
        rateLimitPerSecond: rateLimit ?? null,
      };
      const made = await keys.createKey(settings, operator);
      return { id: made.id, tenant_id: tenant ?? null, name, api_key: made.key };
    }
    case "keys list": {
      const rows = await keys.listKeys(parse(command, args).tenant);
      return rows.map((row) => ({
        id: row.id,
        tenant_id: row.tenantId ?? null,
        name: row.name,
        prefix: row.prefix,
        scopes: row.scopes,
        created_at: row.createdAt,
        expires_at: row.expiresAt ?? null,
        revoked_at: row.revokedAt ?? null,
        last_used_at: row.lastUsedAt ?? null,
        rate_limit_per_second: row.rateLimitPerSecond ?? null,
      }));
    }
    case "keys revoke": {
      const { id } = parse(command, args);
      if (!(await keys.revokeKey(id, operator))) throw new AdminError(`There is no living key ${id}`);
      return { id, revoked: true };
    }
    case "secrets status":
      return secretsStatus(tools);
    case "secrets rotate": {
      const rewritten = await rotateSecrets(tools.database, tools.box());
      return { channels_rewritten: rewritten, ...(await secretsStatus(tools)) };
    }
    default:
      throw new AdminError(`There is no command ${command}`);
  }
}

async function secretsStatus({ database, box }: AdminTools) {
  const counts = new Map((await countSecrets(database)).map((use) => [use.keyId, use]));
  const { keyIds } = box();
  const rows = [...new Set([...keyIds, ...counts.keys()])].map((keyId) => ({
    key_id: keyId,
    configured: keyIds.includes(keyId),
    encrypts: keyId === keyIds[0],
    secrets: counts.get(keyId)?.secrets ?? 0,
    channels: counts.get(keyId)?.channels ?? 0,
  }));
  return { keys: rows };
}

function parse<Command extends AdminCommand>(
  command: Command,
  args: unknown,
): z.infer<(typeof adminCommands)[Command]> {
  const parsed = adminCommands[command].safeParse(args);
  if (!parsed.success) {
    throw new AdminError(
      parsed.error.issues.map(({ path, message }) => `${optionOf(path)}: ${message}`).join("; "),
    );
  }
  return parsed.data as z.infer<(typeof adminCommands)[Command]>;
}

/** An argument as the command line names it: expiresAt → --expires-at. */
function optionOf(path: PropertyKey[]): string {
  const name = snakeCase(String(path[0] ?? "")).replaceAll("_", "-");
  return name === "id" ? name : `--${name}`;
}

function tenantRow({ id, name, createdAt }: { id: string; name: string; createdAt: Date }) {
  return { id, name, created_at: createdAt };
}
