import { randomBytes } from "node:crypto";
import { freePort } from "../support/ports.ts";
import { type Service, startService } from "../support/service.ts";
import { type Api, createApi } from "./api.ts";
import { type Backend, type Home, makeHome } from "./home.ts";
import { openOperator } from "./operator.ts";

export interface Tenant {
  id: string;
  apiKey: string;
  /** The service as this tenant sees it. */
  api: Api;
}

/** One service process with a home of its own, for many tenants. */
export interface Deployment {
  /** The process that runs now. */
  readonly service: Service;
  readonly home: Home;
  /** Starts the service again on its address, once its process has ended. */
  restart(): Promise<void>;
  /** A tenant that nobody else uses; its key has the scopes, by default all. */
  newTenant(scopes?: string[]): Promise<Tenant>;
  /** Another key of the same tenant. */
  newKey(tenantId: string, scopes?: string[]): Promise<Tenant>;
  /** A key that is good for all tenants. */
  newOperatorKey(): Promise<string>;
  revokeKey(id: string): Promise<void>;
  close(): Promise<void>;
}

/** Waits that suit a test; a file may replace them. */
export const quick = {
  JITSUDO_BACKOFF_BASE_MS: "20",
  JITSUDO_SLACK_PER_SECOND: "1000",
  JITSUDO_POLL_MS: "200",
  // On a busy machine Redis may take its time, and what it does not answer goes out unchecked.
  JITSUDO_DEDUP_TIMEOUT_MS: "10000",
};

/** Starts the service; `env` adds to its settings and replaces them. */
export async function deploy(backend: Backend, env: Record<string, string> = {}): Promise<Deployment> {
  const home = await makeHome(backend);
  const listen = `127.0.0.1:${await freePort()}`;
  const start = () =>
    startService({
      dataDir: home.dataDir,
      env: { ...quick, ...home.env, JITSUDO_LISTEN: listen, ...env },
    });
  let service = await start();
  const operator = await openOperator(home);

  async function newKey(tenantId: string, scopes?: string[]): Promise<Tenant> {
    const name = randomBytes(8).toString("hex");
    const key = await operator.run("keys create", { name, tenant: tenantId, ...(scopes && { scopes }) });
    return { id: tenantId, apiKey: key.api_key, api: createApi(service.url, key.api_key, tenantId) };
  }

  return {
    get service() {
      return service;
    },
    home,
    async restart() {
      service = await start();
    },
    async newTenant(scopes) {
      const { id } = await operator.run("tenants create", { name: randomBytes(8).toString("hex") });
      return newKey(id, scopes);
    },
    newKey,
    newOperatorKey: async () => (await operator.run("keys create", { name: "operator" })).api_key,
    revokeKey: async (id) => void (await operator.run("keys revoke", { id })),
    async close() {
      await operator.close();
      await service.close();
      home.remove();
    },
  };
}
