import pino from "pino";
import { type Server, startServer } from "../../src/server/server.ts";
import type { ServerOptions } from "../../src/server/server-options.ts";
import type { Authenticate, Scope } from "../../src/services/caller.ts";
import { createFieldValidator } from "../../src/services/field-validator.ts";
import { echoServices, type Seen } from "./echo-services.ts";

export const tenantId = "0190a0b0-1111-7000-8000-000000000001";
export const otherTenantId = "0190a0b0-2222-7000-8000-000000000002";

/** Headers of a caller who may do everything. */
export const headers = { "x-api-key": "all", "x-tenant-id": tenantId };

export interface ApiServer extends Server {
  seen: Seen;
  /** The log, one parsed line an entry. */
  lines: Record<string, unknown>[];
}

/** The real server on a free port, with services that echo. */
export async function startApiServer(options: Partial<ServerOptions> = {}): Promise<ApiServer> {
  const seen: Seen = { waiting: 0, aborted: [] };
  const lines: Record<string, unknown>[] = [];
  const server = await startServer({
    host: "127.0.0.1",
    port: 0,
    routes: echoServices(seen),
    authenticate,
    validate: createFieldValidator(),
    ready: () => Promise.resolve(),
    maxBodyBytes: 100_000,
    requestTimeoutMs: 10_000,
    shutdownGraceMs: 300,
    log: pino({ level: "debug" }, { write: (line: string) => lines.push(JSON.parse(line)) }),
    ...options,
  });
  return { ...server, seen, lines };
}

const keys: Record<string, Scope[]> = {
  all: ["channels:read", "channels:write", "events:write", "deliveries:read", "deliveries:write"],
  reader: ["channels:read"],
};

const authenticate: Authenticate = async (apiKey, tenant) => {
  const scopes = keys[apiKey];
  if (!scopes) return { kind: "unknown_key" };
  if (tenant !== tenantId) return { kind: "tenant_mismatch" };
  return {
    kind: "ok",
    caller: { keyId: apiKey, tenantId: tenant, isOperator: false, scopes: new Set(scopes) },
    isKeyGood: () => Promise.resolve(true),
  };
};
