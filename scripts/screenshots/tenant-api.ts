/** The REST API as one tenant calls it. */
export interface TenantApi {
  get<Body>(path: string): Promise<Body>;
  post<Body>(path: string, body: object): Promise<Body>;
}

/** Calls throw when the service refuses them. */
export function createTenantApi(url: string, apiKey: string, tenantId: string): TenantApi {
  async function call<Body>(path: string, init: RequestInit): Promise<Body> {
    const headers = { "X-API-Key": apiKey, "X-Tenant-ID": tenantId, "Content-Type": "application/json" };
    const response = await fetch(`${url}${path}`, { ...init, headers });
    if (!response.ok) throw new Error(`${path}: ${response.status} ${await response.text()}`);
    return (await response.json()) as Body;
  }
  return {
    get: (path) => call(path, {}),
    post: (path, body) => call(path, { method: "POST", body: JSON.stringify(body) }),
  };
}
