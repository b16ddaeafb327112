import { type Api, createApi } from "../e2e/api.ts";
import { type Operator, openOperator } from "../e2e/operator.ts";
import { createDatabase } from "../support/postgres.ts";
import { type Service, type ServiceOptions, startService } from "../support/service.ts";

export interface Key {
  id: string;
  apiKey: string;
}

/** A database of its own, the operator's commands on it, and any number of services. */
export interface Rig {
  databaseUrl: string;
  operator: Operator;
  /** Starts a process on the database. */
  start(env?: Record<string, string>): Promise<Service>;
  createTenant(name: string): Promise<string>;
  createKey(tenant: string | undefined, options?: object): Promise<Key>;
  api(service: Service, key: Key, tenant: string): Api;
  close(): Promise<void>;
}

export const encryptionKey = Buffer.alloc(32, 7).toString("base64");

/** `postgresUrl` names the server in which the database is made. */
export async function openRig(postgresUrl: string, common: Record<string, string> = {}): Promise<Rig> {
  const databaseUrl = await createDatabase(postgresUrl);
  const env = { DATABASE_URL: databaseUrl, JITSUDO_ENCRYPTION_KEYS: encryptionKey, ...common };
  const services: Service[] = [];

  async function start(more: Record<string, string> = {}): Promise<Service> {
    const options: ServiceOptions = { env: { ...env, ...more } };
    const service = await startService(options);
    services.push(service);
    return service;
  }

  // The first process makes the schema that the operator's commands need.
  const first = await start({ JITSUDO_ROLE: "api" });
  await first.stop();
  const operator = await openOperator({ dataDir: first.dataDir, env: { DATABASE_URL: databaseUrl } });

  return {
    databaseUrl,
    operator,
    start,
    createTenant: async (name) => (await operator.run("tenants create", { name })).id,
    async createKey(tenant, options = {}) {
      const made = await operator.run("keys create", { name: "test", ...(tenant && { tenant }), ...options });
      return { id: made.id, apiKey: made.api_key };
    },
    api: (service, key, tenant) => createApi(service.url, key.apiKey, tenant),
    async close() {
      await Promise.all(services.map((service) => service.close()));
      await operator.close();
    },
  };
}
