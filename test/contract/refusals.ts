import type { Deployment, Tenant } from "../e2e/deployment.ts";
import { openOperator } from "../e2e/operator.ts";
import { type Exchange, exchange, type Protocol } from "./exchange.ts";

/** What is refused before any method is asked, the same for all of them. */
export async function showRefusals(
  protocol: Protocol,
  deployment: Deployment,
  tenant: Tenant,
): Promise<Exchange[]> {
  const { url } = deployment.service;
  const path =
    protocol === "rest" ? "/v1/events" : "/jitsudo.notifications.v1.EventIngestService/IngestEvent";
  const other = await deployment.newTenant();
  const limited = await limitedKey(deployment, tenant.id);
  const known = { "X-API-Key": tenant.apiKey, "X-Tenant-ID": tenant.id };
  const send = (
    example: string,
    request: Partial<Exchange["request"]>,
    headers: Record<string, string> = known,
  ) => exchange(url, example, { method: "POST", path, ...request }, headers);

  const refused = [
    await send("a wrong key", { body: {} }, { ...known, "X-API-Key": "wrong" }),
    await send("a key of another tenant", { body: {} }, { ...known, "X-Tenant-ID": other.id }),
    await send("no tenant", { body: {} }, { "X-API-Key": tenant.apiKey }),
    await send("not JSON", { body: "{" }),
    await send("an unknown field", { body: { type: "grant.active", colour: "red" } }),
    await send("a wrong type", { body: { type: "grant.active", duration_seconds: "long" } }),
    await send("an unknown path", { path: `${path}-unknown`, body: {} }),
    await send("a wrong HTTP method", { method: "PATCH", body: {} }),
    await send("a wrong media type", { headers: { "Content-Type": "text/csv" }, body: "a,b" }),
  ];
  const long = JSON.stringify({ type: "grant.active", attributes: { text: "x".repeat(100_000) } });
  const tooLong = await send("a body above the limit", { body: long });
  refused.push({ ...tooLong, request: { ...tooLong.request, body: "…" } });
  const many = { ...known, "X-API-Key": limited };
  const codes: Exchange[] = [];
  // One call a second: of some in a row, one is refused.
  for (let count = 0; count < 20 && codes.at(-1)?.response.status !== 429; count++) {
    codes.push(await send("above the rate limit", { body: { type: "grant.active" } }, many));
  }
  return [...refused, ...codes.slice(-1)];
}

async function limitedKey({ home }: Deployment, tenant: string): Promise<string> {
  const operator = await openOperator(home);
  try {
    return (await operator.run("keys create", { name: "limited", tenant, rateLimit: 1 })).api_key;
  } finally {
    await operator.close();
  }
}
