import { afterAll, beforeAll, describe, expect, inject, it } from "vitest";
import { type Api, createApi } from "../e2e/api.ts";
import type { Service } from "../support/service.ts";
import { startService } from "../support/service.ts";
import { type Key, openRig, type Rig } from "./rig.ts";

interface AuditJson {
  id: string;
  occurred_at: string;
  actor_type: string;
  actor_id: string;
  action: string;
  resource_type: string;
  resource_id: string;
  fields: string[];
  client_address: string;
  request_id: string;
}

interface Page {
  audit_events: AuditJson[];
  next_page_token: string;
}

let rig: Rig;
let service: Service;
let tenant: string;
let key: Key;
let api: Api;
beforeAll(async () => {
  rig = await openRig(inject("postgresUrl"), { JITSUDO_ROLE: "api" });
  tenant = await rig.createTenant("audited");
  key = await rig.createKey(tenant);
  service = await rig.start();
  api = rig.api(service, key, tenant);
});
afterAll(() => rig.close());

async function trail(query = "", as = api): Promise<AuditJson[]> {
  const reply = await as.send<Page>("GET", `/v1/audit-events${query}`);
  expect(reply.status).toBe(200);
  return reply.body.audit_events;
}

const webhook = "/v1/notification-channels/generic-webhook";

describe("the audit trail", () => {
  it("tells who changed what of a channel, when and from where, and no secret", async () => {
    const secret = "s3cr3t-token";
    const body = { name: "ops", url: `http://127.0.0.1/${secret}`, headers: { authorization: secret } };
    const created = await api.send<{ id: string }>("POST", webhook, body, { "X-Request-ID": "create-1" });
    const path = `/v1/notification-channels/${created.body.id}`;
    const config = {
      url: `http://127.0.0.1/${secret}-2`,
      headers: { authorization: "********" },
      signing_secret: secret,
    };
    expect((await api.send("PUT", path, { name: "ops 2", config, enabled: true })).status).toBe(200);
    expect((await api.send("PUT", path, { enabled: false, event_filters: ["grant.active"] })).status).toBe(
      200,
    );
    expect((await api.send("PUT", path, { name: "ops 2" })).status).toBe(200);
    expect((await api.send("DELETE", path)).status).toBe(204);
    expect((await api.send("DELETE", path)).status).toBe(404);
    expect((await api.send("PUT", path, { name: "x" })).status).toBe(404);

    const events = await trail(`?resource_id=${created.body.id}`);
    expect(events.map(({ action, fields }) => [action, fields])).toEqual([
      ["deleted", []],
      ["updated", ["enabled", "event_filters"]],
      ["updated", ["config.signing_secret", "config.url", "name"]],
      ["created", ["config.headers", "config.url", "enabled", "event_filters", "name", "ordered"]],
    ]);
    const first = events.at(-1);
    expect(first).toMatchObject({
      actor_type: "api_key",
      actor_id: key.id,
      resource_type: "channel",
      client_address: "127.0.0.1",
      request_id: "create-1",
    });
    expect(Math.abs(Date.parse(first?.occurred_at ?? "") - Date.now())).toBeLessThan(60_000);
    expect(JSON.stringify(events)).not.toContain(secret);
  });

  it("tells an operator key and the command line from the tenant's own keys", async () => {
    const operatorKey = await rig.createKey(undefined);
    const created = await rig
      .api(service, operatorKey, tenant)
      .send<{ id: string }>("POST", webhook, { name: "by operator", url: "http://127.0.0.1/x" });
    expect(await trail(`?resource_id=${created.body.id}`)).toMatchObject([
      { actor_type: "operator_key", actor_id: operatorKey.id },
    ]);
    const expires_at = new Date(Date.now() + 60_000).toISOString();
    const made = await rig.createKey(tenant, { expiresAt: expires_at });
    await rig.operator.run("keys revoke", { id: made.id });
    const events = await trail(`?resource_type=api_key&resource_id=${made.id}`);
    expect(events).toMatchObject([
      { actor_type: "cli", actor_id: "", action: "revoked" },
      { actor_type: "cli", action: "created", fields: ["name", "scopes", "expires_at"] },
    ]);
    // The operator's key is nobody's in particular.
    expect(await trail(`?resource_id=${operatorKey.id}`)).toEqual([]);
  });

  it("comes in pages, newest first, with filters", async () => {
    for (let index = 0; index < 7; index++) {
      await api.createChannel("generic-webhook", { name: `page ${index}`, url: "http://127.0.0.1/x" });
    }
    const all = await trail("?page_size=200");
    expect(all.map(({ id }) => id)).toEqual(
      all
        .map(({ id }) => id)
        .sort()
        .reverse(),
    );
    const paged: AuditJson[] = [];
    let token = "";
    do {
      const { body } = await api.send<Page>("GET", `/v1/audit-events?page_size=3&page_token=${token}`);
      expect(body.audit_events.length).toBeLessThanOrEqual(3);
      paged.push(...body.audit_events);
      token = body.next_page_token;
    } while (token !== "");
    expect(paged).toEqual(all);
    const channels = await trail("?resource_type=channel&page_size=200");
    expect(channels).toEqual(all.filter(({ resource_type }) => resource_type === "channel"));
    expect(await api.send("GET", "/v1/audit-events?resource_type=door&page_size=201")).toMatchObject({
      status: 400,
      body: { details: { fields: [{ field: "page_size" }, { field: "resource_type" }] } },
    });
  });

  it("needs its scope, and is the tenant's alone", async () => {
    const without = await rig.createKey(tenant, { scopes: ["channels:read", "channels:write"] });
    expect(await rig.api(service, without, tenant).send("GET", "/v1/audit-events")).toMatchObject({
      status: 403,
      body: { message: "the key lacks the scope audit:read" },
    });
    const other = await rig.createTenant("another");
    const otherKey = await rig.createKey(other);
    const events = await trail("", rig.api(service, otherKey, other));
    expect(events.map(({ resource_id }) => resource_id)).toEqual([otherKey.id]);
  });

  it("has an entry for each of many updates at once, and every update counts", async () => {
    const { id } = await api.createChannel("generic-webhook", { name: "busy", url: "http://127.0.0.1/x" });
    const replies = await Promise.all(
      Array.from({ length: 20 }, (_, index) =>
        api.send("PUT", `/v1/notification-channels/${id}`, { name: `busy ${index}` }),
      ),
    );
    expect(new Set(replies.map(({ status }) => status))).toEqual(new Set([200]));
    expect(await trail(`?resource_id=${id}`)).toHaveLength(21);
  });
});

describe("the first start", () => {
  it("is on record too", { timeout: 180_000 }, async () => {
    const embedded = await startService({ timeoutMs: 120_000 });
    const { tenant_id, api_key } = await embedded.credentials();
    expect(await trail("", createApi(embedded.url, api_key, tenant_id))).toMatchObject([
      { actor_type: "service", action: "created", resource_type: "api_key", fields: ["name", "scopes"] },
    ]);
    await embedded.close();
  });
});
