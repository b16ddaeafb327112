import { afterAll, beforeAll, describe, expect, test } from "vitest";
import { runCli } from "./cli.ts";
import { type Deployment, deploy, type Tenant } from "./deployment.ts";
import { backends } from "./home.ts";

// Calls that are refused whatever they ask for, or because of what is there already: the code, the status, what is named.

const event = { type: "grant.active" };
const nil = "00000000-0000-4000-8000-000000000000";
const webhookPath = "/v1/notification-channels/generic-webhook";

describe.each(backends)("%s", (backend) => {
  let deployment: Deployment;
  let tenant: Tenant;

  beforeAll(async () => {
    deployment = await deploy(backend, { JITSUDO_MAX_BODY_BYTES: "200000" });
    tenant = await deployment.newTenant();
  });

  afterAll(() => deployment?.close());

  test("403: a tenant that does not exist, which an operator key alone is told", async () => {
    const operatorKey = await deployment.newOperatorKey();
    const headers = { "X-API-Key": operatorKey, "X-Tenant-ID": nil };
    for (const [method, path] of [
      ["GET", "/v1/notification-channels"],
      ["GET", "/v1/api-key"],
      ["POST", "/v1/events"],
    ] as const) {
      expect(await tenant.api.send(method, path, undefined, headers)).toMatchObject({
        status: 403,
        body: {
          code: "tenant_mismatch",
          message: "X-Tenant-ID: there is no tenant of this id",
          details: { fields: [{ field: "X-Tenant-ID", message: "there is no tenant of this id" }] },
        },
      });
    }
    const { api } = tenant;
    const ordinary = await api.send("GET", "/v1/notification-channels", undefined, { "X-Tenant-ID": nil });
    expect(ordinary).toMatchObject({
      status: 403,
      body: {
        code: "tenant_mismatch",
        message: "the key in X-API-Key belongs to another tenant than X-Tenant-ID names",
      },
    });
  });

  test("no answer is to be kept by a cache on the way, refused or not", async () => {
    const { url } = deployment.service;
    const { apiKey, id, api } = tenant;
    const channel = await api.createWebhook("http://127.0.0.1:9/hook");
    const headers = { "X-API-Key": apiKey, "X-Tenant-ID": id };
    const rpc = "/jitsudo.notifications.v1.NotificationChannelService/ListChannels";
    for (const [path, status] of [
      [`/v1/notification-channels/${channel.id}`, 200],
      [`/v1/notification-channels/${nil}`, 404],
      ["/v1/nothing", 404],
      [`${rpc}?connect=v1&encoding=json&message={}`, 405],
    ] as const) {
      const reply = await fetch(url + path, { headers });
      expect([reply.status, reply.headers.get("cache-control")], path).toEqual([status, "no-store"]);
    }
    const json = { ...headers, "Content-Type": "application/json" };
    const reply = await fetch(url + rpc, { method: "POST", headers: json, body: "{}" });
    expect([reply.status, reply.headers.get("cache-control")]).toEqual([200, "no-store"]);
  });

  test("401: no key, an unknown one, a revoked one", async () => {
    const { api } = tenant;
    const list = (headers: Record<string, string>) =>
      api.send("GET", "/v1/notification-channels", undefined, headers);
    const unknown = `jsn_${"0".repeat(12)}_${"A".repeat(43)}`;
    for (const key of ["", "nonsense", unknown, `${tenant.apiKey}x`]) {
      const reply = await list({ "X-API-Key": key });
      expect(reply).toMatchObject({ status: 401, body: { code: "unauthenticated", details: {} } });
      expect(reply.headers.get("www-authenticate")).toContain("X-API-Key");
      expect(JSON.stringify(reply.body)).not.toContain(tenant.apiKey);
    }
  });

  test("403: a key of another tenant, or for one that does not exist, a key without the scope", async () => {
    const other = await deployment.newTenant();
    const operatorKey = await deployment.newOperatorKey();
    const mismatch = { status: 403, body: { code: "tenant_mismatch", details: {} } };
    const list = (headers: Record<string, string>) =>
      tenant.api.send("GET", "/v1/notification-channels", undefined, headers);
    expect(await list({ "X-Tenant-ID": other.id })).toMatchObject(mismatch);
    expect(await list({ "X-Tenant-ID": nil })).toMatchObject(mismatch);
    expect(await list({ "X-API-Key": operatorKey, "X-Tenant-ID": other.id })).toMatchObject({ status: 200 });

    const { stdout } = await runCli(
      deployment.home.env,
      ...["keys", "create", "--name", "reader", "--tenant", tenant.id],
      ...["--scopes", "channels:read", "deliveries:read"],
    );
    const scoped = { "X-API-Key": JSON.parse(stdout).api_key as string };
    expect(await list(scoped)).toMatchObject({ status: 200 });
    const { api } = tenant;
    expect(await api.send("GET", "/v1/deliveries", undefined, scoped)).toMatchObject({ status: 200 });
    for (const [method, path, scope] of [
      ["POST", webhookPath, "channels:write"],
      ["PUT", `/v1/notification-channels/${nil}`, "channels:write"],
      ["POST", "/v1/events", "events:write"],
      ["POST", "/v1/events:batch", "events:write"],
    ] as const) {
      expect(await api.send(method, path, {}, scoped)).toMatchObject({
        status: 403,
        body: { code: "permission_denied", message: expect.stringContaining(scope) },
      });
    }
    expect(await api.send("DELETE", `/v1/notification-channels/${nil}`, undefined, scoped)).toMatchObject({
      status: 403,
    });
    const writer = await deployment.newKey(tenant.id, ["channels:write"]);
    expect(await list({ "X-API-Key": writer.apiKey })).toMatchObject({
      status: 403,
      body: { code: "permission_denied" },
    });
  });

  test("400: a tenant id that is missing or none", async () => {
    for (const id of ["", "acme", `${tenant.id}0`]) {
      const reply = await tenant.api.send("GET", "/v1/deliveries", undefined, { "X-Tenant-ID": id });
      expect(reply).toMatchObject({
        status: 400,
        body: { code: "invalid_argument", details: { fields: [{ field: "X-Tenant-ID" }] } },
      });
    }
    const upper = { "X-Tenant-ID": tenant.id.toUpperCase() };
    expect(await tenant.api.send("GET", "/v1/deliveries", undefined, upper)).toMatchObject({ status: 200 });
  });

  test("404 and 405: no such path, no such method, no such thing", async () => {
    const { api } = tenant;
    for (const path of ["/", "/v1", "/v1/notification-channels/", "/v2/events", "/v1/event"]) {
      expect(await api.send("GET", path)).toMatchObject({ status: 404, body: { code: "not_found" } });
    }
    for (const [method, path, allow] of [
      ["DELETE", "/v1/events", "POST"],
      ["PATCH", "/v1/notification-channels", "GET, HEAD"],
      ["PUT", "/v1/deliveries", "GET, HEAD"],
    ] as const) {
      const reply = await api.send(method, path);
      expect(reply).toMatchObject({ status: 405, body: { code: "method_not_allowed" } });
      expect(reply.headers.get("allow")).toBe(allow);
    }
    // Where somebody has guessed, the answer says what there is.
    const kinds = ["slack-webhook", "email", "generic-webhook", "aws-sns"];
    const paths = kinds.map((kind) => `/v1/notification-channels/${kind}`).join(", ");
    for (const [path, takes] of [
      ["/v1/notification-channels", "GET, HEAD"],
      ["/v1/notification-channels/slack", "GET, HEAD, PUT, DELETE"],
    ] as const) {
      expect(await api.send("POST", path, {})).toMatchObject({
        status: 405,
        body: { message: `this path takes ${takes}; for POST there is ${paths}` },
      });
    }
    expect(await api.send("PUT", "/v1/events", {})).toMatchObject({
      status: 405,
      body: { message: "this path takes POST" },
    });
    for (const path of [`/v1/notification-channels/${nil}`, `/v1/deliveries/${nil}`]) {
      expect(await api.send("GET", path)).toMatchObject({
        status: 404,
        body: { code: "not_found", message: expect.stringContaining(nil) },
      });
    }
  });

  test("413 and 415: too long a body, another type", async () => {
    const { api } = tenant;
    const long = JSON.stringify({ ...event, attributes: { text: "x".repeat(200_000) } });
    expect(await api.send("POST", "/v1/events", long)).toMatchObject({
      status: 413,
      body: { code: "payload_too_large", message: expect.stringContaining("200000 bytes") },
    });
    for (const type of [
      "text/plain",
      "application/x-www-form-urlencoded",
      "application/json; charset=latin1",
    ]) {
      expect(await api.send("POST", "/v1/events", event, { "Content-Type": type })).toMatchObject({
        status: 415,
        body: { code: "unsupported_media_type" },
      });
    }
    const utf8 = { "Content-Type": "application/json; charset=utf-8" };
    expect(await api.send("POST", "/v1/events", event, utf8)).toMatchObject({ status: 202 });
  });

  test("400: a body that is no JSON object, or says a thing twice", async () => {
    for (const body of ["", "{", "[]", '"x"', "null", '{"type":"grant.active","type":"grant.expired"}']) {
      expect(await tenant.api.send("POST", "/v1/events", body), body).toMatchObject({
        status: 400,
        body: { code: "invalid_argument" },
      });
    }
    const twice =
      '{"name":"a","url":"https://example.com","eventFilters":[],"event_filters":["grant.active"]}';
    expect(await tenant.api.send("POST", webhookPath, twice)).toMatchObject({ status: 400 });
  });

  test("409: an idempotency key that stands for another event", async () => {
    const { api } = tenant;
    await api.ingest({ ...event, idempotency_key: "once" });
    expect(
      await api.send("POST", "/v1/events", { ...event, reason: "x", idempotency_key: "once" }),
    ).toMatchObject({
      status: 409,
      body: { code: "already_exists", details: { fields: [{ field: "idempotency_key" }] } },
    });
  });
});
