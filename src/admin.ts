import { z } from "zod";
import { scopes } from "./services/caller.ts";
import type { ApiKeys } from "./store/api-keys.ts";

const uuid = z.uuid();

/** What an operator can ask for, from the command line; every argument is checked here. */
export const adminCommands = {
  "tenants create": z.strictObject({ name: z.string().trim().min(1).max(200) }),
  "tenants list": z.strictObject({}),
  "keys create": z.strictObject({
    name: z.string().trim().min(1).max(200),
    /** Absent: an operator key, good for all tenants. */
    tenant: uuid.optional(),
    scopes: z.array(z.enum(scopes)).min(1).optional(),
    expiresAt: z.iso.datetime({ offset: true }).optional(),
  }),
  "keys list": z.strictObject({ tenant: uuid.optional() }),
  "keys revoke": z.strictObject({ id: uuid }),
};

export type AdminCommand = keyof typeof adminCommands;

/** A command that cannot be carried out; the message is for the operator. */
export class AdminError extends Error {}

/** Carries a command out and answers what to print, as JSON. Throws an AdminError. */
export async function runAdminCommand(keys: ApiKeys, command: string, args: unknown): Promise<unknown> {
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
      const { name, tenant, expiresAt, ...rest } = parse(command, args);
      if (tenant !== undefined && !(await keys.tenantExists(tenant))) {
        throw new AdminError(`There is no tenant ${tenant}`);
      }
      const made = await keys.createKey({
        name,
        tenantId: tenant ?? null,
        scopes: rest.scopes ?? [...scopes],
        expiresAt: expiresAt === undefined ? null : new Date(expiresAt),
      });
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
      }));
    }
    case "keys revoke": {
      const { id } = parse(command, args);
      if (!(await keys.revokeKey(id))) throw new AdminError(`There is no living key ${id}`);
      return { id, revoked: true };
    }
    default:
      throw new AdminError(`There is no command ${command}`);
  }
}

function parse<Command extends AdminCommand>(
  command: Command,
  args: unknown,
): z.infer<(typeof adminCommands)[Command]> {
  const parsed = adminCommands[command].safeParse(args);
  if (!parsed.success) {
    throw new AdminError(
      parsed.error.issues.map(({ path, message }) => `${path.join(".")}: ${message}`).join("; "),
    );
  }
  return parsed.data as z.infer<(typeof adminCommands)[Command]>;
}

function tenantRow({ id, name, createdAt }: { id: string; name: string; createdAt: Date }) {
  return { id, name, created_at: createdAt };
}
