import { getOption, hasOption } from "@bufbuild/protobuf";
import { afterAll, beforeAll, expect, test } from "vitest";
import { http } from "../../gen/google/api/annotations_pb.js";
import { type Deployment, deploy, type Tenant } from "../e2e/deployment.ts";
import { type HttpSink, startHttpSink } from "../sinks/http-sink.ts";
import { createChecker, type OpenApi, type Operation } from "./openapi-checker.ts";
import { servedServices } from "./served-services.ts";

const verbs = ["GET", "POST", "PUT", "DELETE", "PATCH"];

let deployment: Deployment;
let tenant: Tenant;
let sink: HttpSink;
let document: OpenApi;

beforeAll(async () => {
  sink = await startHttpSink();
  deployment = await deploy("PostgreSQL and Redis");
  tenant = await deployment.newTenant();
  document = (await (await fetch(`${deployment.service.url}/openapi.json`)).json()) as OpenApi;
});

afterAll(async () => {
  await deployment.close();
  await sink.close();
});

function operations(): { verb: string; path: string; operation: Operation }[] {
  return Object.entries(document.paths).flatMap(([path, item]) =>
    Object.entries(item).map(([verb, operation]) => ({ verb, path, operation })),
  );
}

test("the document names every REST call of the services that are served, once", async () => {
  const services = await servedServices(deployment.service.url);
  const annotated = services
    .flatMap(({ methods }) => methods)
    .filter((method) => method.methodKind === "unary" && hasOption(method, http))
    .flatMap((method) => [getOption(method, http), ...getOption(method, http).additionalBindings])
    .map(({ pattern }) => `${pattern.case} ${String(pattern.value)}`);
  expect(
    operations()
      .map(({ verb, path }) => `${verb} ${path}`)
      .sort(),
  ).toEqual(annotated.sort());
  const ids = operations().map(({ operation }) => operation.operationId);
  expect(new Set(ids).size).toBe(ids.length);
});

test("every path in the document is served, with the methods that it names and no others", async () => {
  for (const template of Object.keys(document.paths)) {
    const path = template.replace(/\{\w+\}/g, "0198c0de-0000-7000-8000-000000000001");
    const named = verbsAt(path);
    for (const verb of verbs) {
      const { status, headers } = await fetch(`${deployment.service.url}${path}`, { method: verb });
      const allowed = headers
        .get("allow")
        ?.split(", ")
        .filter((method) => method !== "HEAD");
      expect({ template, verb, status, allowed: allowed?.sort() }).toEqual(
        named.includes(verb)
          ? { template, verb, status: 401, allowed: undefined }
          : { template, verb, status: 405, allowed: named },
      );
    }
  }
});

/** What the document has at a path; one path may match several templates. */
function verbsAt(path: string): string[] {
  const matching = Object.entries(document.paths).filter(([template]) =>
    new RegExp(`^${template.replace(/\{\w+\}/g, "[^/]+")}$`).test(path),
  );
  const named = matching.flatMap(([, item]) => Object.keys(item).map((verb) => verb.toUpperCase()));
  return [...new Set(named)].sort();
}

test("what each call answers is what the document says", async () => {
  const checker = createChecker(document);
  const calls = await sampleCalls();
  expect([...calls.keys()].sort()).toEqual(
    operations()
      .map(({ operation }) => operation.operationId)
      .sort(),
  );
  for (const [operationId, { path: target, body }] of calls) {
    const found = operations().find(({ operation }) => operation.operationId === operationId);
    if (!found) throw new Error(operationId);
    const { verb, operation } = found;
    if (body !== undefined)
      expect([operationId, checker.request(operation, body)]).toEqual([operationId, []]);
    const reply = await tenant.api.send(verb.toUpperCase(), await target(), body);
    expect([operationId, reply.status, reply.body]).toEqual([
      operationId,
      firstStatus(operation),
      reply.body,
    ]);
    expect([operationId, checker.answer(operation, reply.status, reply.body)]).toEqual([operationId, []]);

    const refused = await tenant.api.send(verb.toUpperCase(), await target(), body, { "X-API-Key": "" });
    expect([operationId, checker.answer(operation, refused.status, refused.body)]).toEqual([operationId, []]);
  }
});

test("the document refuses what the service refuses", async () => {
  const checker = createChecker(document);
  const create = document.paths["/v1/notification-channels/email"]?.post;
  const ingest = document.paths["/v1/events"]?.post;
  if (!create || !ingest) throw new Error("The document lacks a call");
  const good = {
    name: "mail",
    smtp_host: "127.0.0.1",
    smtp_port: 25,
    from_address: "a@example.com",
    to_addresses: ["b@example.com"],
  };
  const bad: [Operation, string, Record<string, unknown>][] = [
    [create, "email", { ...good, name: "" }],
    [create, "email", { ...good, smtp_port: 0 }],
    [create, "email", { ...good, to_addresses: [] }],
    [create, "email", { ...good, to_addresses: ["b@example.com", "b@example.com"] }],
    [create, "email", { ...good, tls: "sometimes" }],
    [create, "email", { ...good, event_filters: ["request.unknown"] }],
    [create, "email", { ...good, unknown: 1 }],
    [create, "email", { name: "mail" }],
    [ingest, "", {}],
    [ingest, "", { type: "grant.active", duration_seconds: -1 }],
    [ingest, "", { type: "grant.active", requester: "x".repeat(1025) }],
  ];
  expect(checker.request(create, good)).toEqual([]);
  for (const [operation, kind, body] of bad) {
    const path = kind ? `/v1/notification-channels/${kind}` : "/v1/events";
    const { status } = await tenant.api.send("POST", path, body);
    expect({ body, status, problems: checker.request(operation, body).length > 0 }).toEqual({
      body,
      status: 400,
      problems: true,
    });
  }
});

test("the pages come with a policy that lets them load and run nothing", async () => {
  const page = await fetch(`${deployment.service.url}/docs`);
  const html = await page.text();
  expect(page.headers.get("content-type")).toBe("text/html; charset=utf-8");
  expect(page.headers.get("content-security-policy")).toMatch(
    /^default-src 'none'; style-src 'sha256-[\w+/=]{44}'; base-uri 'none'; form-action 'none'; frame-ancestors 'none'$/,
  );
  expect(html).not.toMatch(/<script|<link|<img|\son\w+=|style="/i);
  expect(html).not.toMatch(/(?:href|src)="(?!#|\/openapi\.json")/);
  for (const { path, operation } of operations()) {
    expect(html).toContain(`id="${operation.operationId}"`);
    expect(html).toContain(`<code>${path}</code>`);
  }
  for (const [, target] of html.matchAll(/href="#([^"]+)"/g)) expect(html).toContain(`id="${target}"`);
});

interface SampleCall {
  path: () => string | Promise<string>;
  body?: unknown;
}

/** One call of each operation that succeeds, in an order in which they do. */
async function sampleCalls(): Promise<Map<string, SampleCall>> {
  const { api } = tenant;
  const channels = "/v1/notification-channels";
  const webhook = await api.createWebhook(`${sink.url}/hook`, { signing_secret: "a secret" });
  const failing = await api.createWebhook(`${sink.url}/gone`, { event_filters: ["grant.revoked"] });
  sink.respond("/gone", { status: 410 });
  const event = { type: "grant.active", request_id: "request-1", requester: "ada@example.com" };
  const { id: eventId } = await api.ingest(event);
  const [delivery] = await api.settled(eventId);
  await api.settled((await api.ingest({ type: "grant.revoked", request_id: "request-1" })).id);
  const to = (path: string, body?: unknown): SampleCall => ({
    path: () => path,
    ...(body !== undefined && { body }),
  });
  const replay = { channel_id: failing.id, select: "failed", since: "2026-01-01T00:00:00Z" };
  const newReplay = async () => {
    const { body } = await api.send<{ id: string }>("POST", "/v1/replays", replay);
    return body.id;
  };

  return new Map<string, SampleCall>([
    [
      "CreateSlackWebhookChannel",
      to(`${channels}/slack-webhook`, { name: "slack", webhook_url: `${sink.url}/slack`, enabled: false }),
    ],
    [
      "CreateEmailChannel",
      to(`${channels}/email`, {
        name: "mail",
        smtp_host: "127.0.0.1",
        smtp_port: 25,
        from_address: "a@example.com",
        to_addresses: ["b@example.com"],
        enabled: false,
      }),
    ],
    [
      "CreateGenericWebhookChannel",
      to(`${channels}/generic-webhook`, { name: "hook", url: `${sink.url}/other`, headers: { "X-A": "b" } }),
    ],
    [
      "CreateAwsSnsChannel",
      to(`${channels}/aws-sns`, {
        name: "sns",
        topic_arn: "arn:aws:sns:eu-central-1:123456789012:t",
        enabled: false,
      }),
    ],
    ["ListChannels", to(`${channels}?page_size=2`)],
    ["GetChannel", to(`${channels}/${webhook.id}`)],
    ["UpdateChannel", to(`${channels}/${webhook.id}`, { name: "renamed", event_filters: ["grant.active"] })],
    ["CompareChannel", to(`${channels}/${webhook.id}:compare`, { enabled: false })],
    ["RotateSigningSecret", to(`${channels}/${webhook.id}/signing-secret:rotate`, { type: "symmetric" })],
    ["TestChannel", to(`${channels}/${webhook.id}/test`, {})],
    ["PreviewChannel", to(`${channels}/${webhook.id}/preview`, {})],
    ["IngestEvent", to("/v1/events", { type: "grant.active", attributes: { a: [1, null] } })],
    ["IngestEvents", to("/v1/events:batch", { events: [{ type: "grant.active" }] })],
    ["GetEvent", to(`/v1/events/${eventId}`)],
    ["ListDeliveries", to("/v1/deliveries?event_type=grant.active&state=delivered")],
    ["ListDeliveriesByEventId", to(`/v1/events/${eventId}/deliveries`)],
    ["ListDeliveriesByChannelId", to(`${channels}/${webhook.id}/deliveries`)],
    ["GetDelivery", to(`/v1/deliveries/${delivery?.id}`)],
    ["GetQueueStatus", to("/v1/statistics/queue")],
    ["GetOwnApiKey", to("/v1/api-key")],
    ["GetDeliveryStatistics", to("/v1/statistics/deliveries?bucket=minute")],
    ["CreateReplay", to("/v1/replays", replay)],
    ["ListReplays", to("/v1/replays")],
    ["GetReplay", { path: async () => `/v1/replays/${await newReplay()}` }],
    ["CancelReplay", { path: async () => `/v1/replays/${await newReplay()}:cancel`, body: {} }],
    ["GetTenantSettings", to("/v1/tenant-settings")],
    ["UpdateTenantSettings", to("/v1/tenant-settings", { time_zone: "Europe/Berlin" })],
    ["ListAuditEvents", to("/v1/audit-events")],
    [
      "DeleteChannel",
      { path: async () => `${channels}/${(await api.createWebhook(`${sink.url}/deleted`)).id}` },
    ],
  ]);
}

function firstStatus({ responses }: Operation): number {
  return Math.min(...Object.keys(responses).map(Number).filter(Number.isFinite));
}
