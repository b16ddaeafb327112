import { connect as connectHttp2 } from "node:http2";
import { text } from "node:stream/consumers";
import { type DescMethod, getOption } from "@bufbuild/protobuf";
import { createClient } from "@connectrpc/connect";
import { codeToString } from "@connectrpc/connect/protocol-connect";
import { createGrpcTransport } from "@connectrpc/connect-node";
import { afterAll, beforeAll, describe, expect, inject, it } from "vitest";
import { DeliveryService } from "../../gen/jitsudo/notifications/v1/delivery_pb.js";
import { EventIngestService } from "../../gen/jitsudo/notifications/v1/event_pb.js";
import { required_scope } from "../../gen/jitsudo/notifications/v1/options_pb.js";
import { scopes } from "../../src/services/caller.ts";
import { makeToken } from "../../src/services/page.ts";
import { type Api, createApi } from "../e2e/api.ts";
import { type HttpSink, type SinkReply, startHttpSink } from "../sinks/http-sink.ts";
import type { Service } from "../support/service.ts";
import { until } from "../support/until.ts";
import { allMethods } from "./all-methods.ts";
import { type Key, openRig, type Rig } from "./rig.ts";

const methods = await allMethods();

/** What belongs to the other tenant, and what it may look like from outside. */
interface Theirs {
  tenant: string;
  channelId: string;
  eventId: string;
  deliveryId: string;
  /** Of a replay that would send nothing. */
  replayId: string;
  idempotencyKey: string;
  /** Occurs in all that they have. */
  mark: string;
}

let rig: Rig;
let sink: HttpSink;
let service: Service;
let ours: { tenant: string; key: Key; api: Api };
let theirs: Theirs & { api: Api };

beforeAll(async () => {
  rig = await openRig(inject("postgresUrl"), { JITSUDO_ALLOW_DESTINATIONS: "127.0.0.0/8" });
  sink = await startHttpSink();
  service = await rig.start();
  const tenant = await rig.createTenant("ours");
  const key = await rig.createKey(tenant);
  ours = { tenant, key, api: rig.api(service, key, tenant) };
  theirs = await fillTenant("theirs-mark");
});
afterAll(async () => {
  await rig.close();
  await sink.close();
});

/** A call of one of our methods with ids of theirs; what it must not do is checked in each case. */
type Case = () => Promise<void>;

const webhook = (name: string) => ({ name, url: `${sink.url}/ours` });

const cases: Record<string, Case> = {
  "NotificationChannelService.CreateSlackWebhookChannel": () =>
    createsOurs("CreateSlackWebhookChannel", { name: "a", webhook_url: `${sink.url}/ours` }),
  "NotificationChannelService.CreateEmailChannel": () =>
    createsOurs("CreateEmailChannel", {
      name: "a",
      smtp_host: "127.0.0.1",
      smtp_port: 2525,
      from_address: "a@example.com",
      to_addresses: ["b@example.com"],
      enabled: false,
    }),
  "NotificationChannelService.CreateGenericWebhookChannel": () =>
    createsOurs("CreateGenericWebhookChannel", webhook("a")),
  "NotificationChannelService.CreateAwsSnsChannel": () =>
    createsOurs("CreateAwsSnsChannel", {
      name: "a",
      topic_arn: "arn:aws:sns:eu-central-1:123456789012:topic",
      enabled: false,
    }),
  "NotificationChannelService.GetChannel": () =>
    notFound("NotificationChannelService", "GetChannel", { id: theirs.channelId }),
  "NotificationChannelService.ListChannels": () => hides("NotificationChannelService", "ListChannels", {}),
  "NotificationChannelService.UpdateChannel": () =>
    changesNothing("UpdateChannel", { id: theirs.channelId, name: "taken", enabled: false }),
  "NotificationChannelService.CompareChannel": () =>
    changesNothing("CompareChannel", { id: theirs.channelId, config: { url: `${sink.url}/theirs` } }),
  "NotificationChannelService.DeleteChannel": () => changesNothing("DeleteChannel", { id: theirs.channelId }),
  "NotificationChannelService.RotateSigningSecret": () =>
    changesNothing("RotateSigningSecret", { id: theirs.channelId }),

  "NotificationChannelService.TestChannel": async () => {
    await changesNothing("TestChannel", { id: theirs.channelId });
    expect(sink.to("/theirs")).toHaveLength(1);
  },
  "NotificationChannelService.PreviewChannel": () =>
    changesNothing("PreviewChannel", { id: theirs.channelId }),

  "EventIngestService.IngestEvent": () =>
    reachesNobody(async (event) => {
      const { status, body } = await call<{ replayed?: boolean }>("EventIngestService", "IngestEvent", event);
      expect([status, body.replayed]).toEqual([200, false]);
    }),
  "EventIngestService.IngestEvents": () =>
    reachesNobody(async (event) => {
      const { status, body } = await call<{ results: { accepted?: { replayed?: boolean } }[] }>(
        "EventIngestService",
        "IngestEvents",
        { events: [event] },
      );
      expect([status, body.results[0]?.accepted?.replayed]).toEqual([200, false]);
    }, "batch"),
  "EventIngestService.StreamEvents": () =>
    reachesNobody(async ({ type, request_id: requestId, idempotency_key: idempotencyKey }) => {
      const client = createClient(EventIngestService, createGrpcTransport({ baseUrl: service.url }));
      async function* requests() {
        yield { events: [{ type, requestId, idempotencyKey }] };
      }
      for await (const { results } of client.streamEvents(requests(), { headers: credentials() })) {
        expect(results[0]?.result).toMatchObject({ case: "accepted", value: { replayed: false } });
      }
    }, "stream"),

  "DeliveryService.ListDeliveries": async () => {
    await hides("DeliveryService", "ListDeliveries", {});
    await hides("DeliveryService", "ListDeliveries", { channel_id: theirs.channelId }, "nothing");
    await hides("DeliveryService", "ListDeliveries", { event_id: theirs.eventId }, "nothing");
  },
  "DeliveryService.GetDelivery": () => notFound("DeliveryService", "GetDelivery", { id: theirs.deliveryId }),

  "DeliveryService.GetEvent": () => notFound("DeliveryService", "GetEvent", { id: theirs.eventId }),
  "DeliveryService.WatchDeliveries": async () => {
    const client = createClient(DeliveryService, createGrpcTransport({ baseUrl: service.url }));
    const seen: string[] = [];
    const stop = new AbortController();
    const options = { headers: credentials(), signal: stop.signal };
    const watching = (async () => {
      for await (const { change } of client.watchDeliveries({}, options)) {
        seen.push(change?.delivery?.channelId ?? "begun");
      }
    })();
    await until(() => seen.length > 0);
    const own = await ours.api.createWebhook(`${sink.url}/ours`, { event_filters: ["grant.expired"] });
    await theirs.api.send("POST", "/v1/events", { type: "grant.active", request_id: "watched" });
    await sink.waitFor(() => sink.to("/theirs").length === 2);
    await ours.api.send("POST", "/v1/events", { type: "grant.expired" });
    await until(() => seen.includes(own.id));
    expect(seen).not.toContain(theirs.channelId);
    stop.abort();
    await expect(watching).rejects.toThrow();
  },

  "AuditService.ListAuditEvents": async () => {
    await hides("AuditService", "ListAuditEvents", {});
    await hides("AuditService", "ListAuditEvents", { resource_id: theirs.channelId }, "nothing");
  },

  "ApiKeyService.GetOwnApiKey": async () => {
    const { status, body } = await call("ApiKeyService", "GetOwnApiKey", {});
    expect(status).toBe(200);
    expect(body).toMatchObject({ tenant_id: ours.tenant, tenant_name: "ours", scopes: [...scopes] });
    expect(JSON.stringify(body)).not.toContain(theirs.tenant);
  },

  "ReplayService.CreateReplay": async () => {
    const since = new Date(Date.now() - 3_600_000).toISOString();
    await notFound("ReplayService", "CreateReplay", { delivery_id: theirs.deliveryId });
    await notFound("ReplayService", "CreateReplay", {
      channel_id: theirs.channelId,
      select: "failed",
      since,
    });
  },
  "ReplayService.GetReplay": () => notFound("ReplayService", "GetReplay", { id: theirs.replayId }),
  "ReplayService.ListReplays": () => hides("ReplayService", "ListReplays", {}),
  "ReplayService.CancelReplay": () => notFound("ReplayService", "CancelReplay", { id: theirs.replayId }),

  "StatisticsService.GetDeliveryStatistics": async () => {
    const period = { since: new Date(Date.now() - 3_600_000).toISOString(), until: new Date().toISOString() };
    const path = `/v1/statistics/deliveries?${new URLSearchParams(period)}`;
    expect(await theirs.api.send("GET", path)).toMatchObject({ status: 200 });
    for (const filter of [{}, { channel_id: theirs.channelId }]) {
      const body = { ...period, group_by: ["channel_id"], ...filter };
      const reply = await call("StatisticsService", "GetDeliveryStatistics", body);
      expect(reply.status).toBe(200);
      expect(JSON.stringify(reply.body)).not.toContain(theirs.channelId);
    }
  },

  "StatisticsService.GetQueueStatus": async () => {
    const busy = await rig.createTenant("busy");
    const api = rig.api(service, await rig.createKey(busy), busy);
    const answer = Promise.withResolvers<SinkReply>();
    sink.respond("/busy", () => answer.promise);
    await api.createWebhook(`${sink.url}/busy`);
    const { id } = await api.ingest({ type: "grant.active" });
    await sink.waitFor(() => sink.to("/busy").length === 1);
    expect(await api.send("GET", "/v1/statistics/queue")).toMatchObject({ body: { delivering: 1 } });
    const quiet = await rig.createTenant("quiet");
    const quietApi = rig.api(service, await rig.createKey(quiet), quiet);
    const reply = await quietApi.send("GET", "/v1/statistics/queue");
    expect(reply.body).toEqual({ pending: 0, delivering: 0 });
    answer.resolve({ status: 204 });
    await api.settled(id);
  },

  "TenantSettingsService.GetTenantSettings": async () => {
    const before = await theirs.api.send("GET", "/v1/tenant-settings");
    await hides("TenantSettingsService", "GetTenantSettings", {});
    expect(before.status).toBe(200);
  },
  "TenantSettingsService.UpdateTenantSettings": async () => {
    const before = (await theirs.api.send("GET", "/v1/tenant-settings")).body;
    const settings = { time_zone: "Europe/Berlin", product_name: "Ours" };
    expect((await call("TenantSettingsService", "UpdateTenantSettings", settings)).status).toBe(200);
    expect((await theirs.api.send("GET", "/v1/tenant-settings")).body).toEqual(before);
  },
};

describe("a tenant's calls with the ids of another tenant", () => {
  it("have a case for every method, and for no other", () => {
    expect(methods.map(nameOf).sort()).toEqual(Object.keys(cases).sort());
  });

  it.each(Object.entries(cases))("%s reaches nothing of theirs", (_name, run) => run());

  it("find everything of theirs as it was", async () => {
    const channels = await theirs.api.send<{ channels: unknown[] }>("GET", "/v1/notification-channels");
    expect(channels.body.channels).toMatchObject([
      { id: theirs.channelId, name: theirs.mark, enabled: true },
    ]);
    // One of their own sending, and one that was sent to be watched.
    expect(await theirs.api.deliveries()).toHaveLength(2);
    expect(sink.to("/theirs")).toHaveLength(2);
  });
});

describe.each(methods.map((method) => [nameOf(method), method] as const))("%s", (_name, method) => {
  it("refuses our key for their tenant", async () => {
    expect(await codeOf(method, credentials({ "x-tenant-id": theirs.tenant }))).toBe("permission_denied");
  });

  it("refuses a key that has every scope but its own", async () => {
    const scope = getOption(method, required_scope);
    if (scope === "*") return answersAnyKey(method);
    expect(scopes).toContain(scope);
    const key = await rig.createKey(ours.tenant, { scopes: scopes.filter((other) => other !== scope) });
    expect(await codeOf(method, credentials({ "x-api-key": key.apiKey }))).toBe("permission_denied");
  });

  it("refuses calls without a key", async () => {
    expect(await codeOf(method, credentials({ "x-api-key": "" }))).toBe("unauthenticated");
  });
});

/** Of methods that name no scope: a key without any is enough. */
async function answersAnyKey(method: DescMethod): Promise<void> {
  expect(nameOf(method)).toBe("ApiKeyService.GetOwnApiKey");
  const key = await rig.createKey(ours.tenant, { scopes: ["events:write"] });
  const api = rig.api(service, key, ours.tenant);
  const reply = await api.send("POST", `/${method.parent.typeName}/${method.name}`, {});
  expect(reply).toMatchObject({ status: 200, body: { id: key.id, scopes: ["events:write"] } });
}

async function createsOurs(method: string, body: object): Promise<void> {
  const before = await theirs.api.send<{ channels: unknown[] }>("GET", "/v1/notification-channels");
  const made = await call<{ id: string }>("NotificationChannelService", method, body);
  expect(made.status).toBe(200);
  expect((await theirs.api.send("GET", `/v1/notification-channels/${made.body.id}`)).status).toBe(404);
  const after = await theirs.api.send<{ channels: unknown[] }>("GET", "/v1/notification-channels");
  expect(after.body).toEqual(before.body);
}

async function notFound(serviceName: string, method: string, body: object): Promise<void> {
  const reply = await call<{ code: string }>(serviceName, method, body);
  expect([reply.status, reply.body.code]).toEqual([404, "not_found"]);
  // Just as if it did not exist at all.
  const unknown = JSON.stringify(body).replaceAll(anyId, unknownId);
  const none = await call(serviceName, method, JSON.parse(unknown));
  expect(withoutIds(reply.body)).toBe(withoutIds(none.body));
}

async function changesNothing(method: string, body: object): Promise<void> {
  const path = `/v1/notification-channels/${theirs.channelId}`;
  const before = (await theirs.api.send("GET", path)).body;
  const reply = await call<{ code: string }>("NotificationChannelService", method, body);
  expect([reply.status, reply.body.code]).toEqual([404, "not_found"]);
  expect((await theirs.api.send("GET", path)).body).toEqual(before);
}

/** A list shows nothing of theirs, also when it is asked to go on from an id of theirs. */
async function hides(
  serviceName: string,
  method: string,
  filter: object,
  expected: "ours" | "nothing" = "ours",
): Promise<void> {
  const tokens = ["", ...[theirs.channelId, theirs.deliveryId].map(makeToken)];
  for (const page_token of serviceName === "TenantSettingsService" ? [""] : tokens) {
    const reply = await call(serviceName, method, { ...filter, ...(page_token && { page_token }) });
    expect(reply.status).toBe(200);
    const text = JSON.stringify(reply.body);
    for (const word of [theirs.mark, theirs.channelId, theirs.eventId, theirs.deliveryId, theirs.tenant]) {
      expect(text).not.toContain(word);
    }
    if (expected === "nothing") expect(text).not.toMatch(/"id"/);
  }
}

/** Our event makes no delivery of theirs, even under an idempotency key that they have used. */
async function reachesNobody(
  send: (event: { type: string; request_id: string; idempotency_key: string }) => Promise<void>,
  suffix = "",
): Promise<void> {
  const before = await theirs.api.deliveries();
  if (suffix) {
    const used = {
      type: "grant.revoked",
      request_id: "theirs",
      idempotency_key: theirs.idempotencyKey + suffix,
    };
    expect((await theirs.api.send("POST", "/v1/events", used)).status).toBe(202);
  }
  await send({
    type: "grant.revoked",
    request_id: `ours ${suffix}`,
    idempotency_key: theirs.idempotencyKey + suffix,
  });
  expect(await theirs.api.deliveries()).toEqual(before);
}

async function fillTenant(mark: string): Promise<Theirs & { api: Api }> {
  const tenant = await rig.createTenant(mark);
  const api = rig.api(service, await rig.createKey(tenant), tenant);
  const channel = await api.createWebhook(`${sink.url}/theirs`, {
    name: mark,
    event_filters: ["grant.active"],
    signing_secret: "whsec_dGhpcyBpcyBhIHNlY3JldCBvZiAyNCBieXRlcw==",
  });
  const idempotencyKey = "the same for both";
  const event = { type: "grant.active", requester: mark, idempotency_key: idempotencyKey };
  const { body } = await api.send<{ id: string }>("POST", "/v1/events", event);
  await sink.waitFor((requests) => requests.some(({ path }) => path === "/theirs"));
  const [delivery] = await api.deliveries();
  if (!delivery) throw new Error("There is no delivery");
  const since = new Date(Date.now() - 3_600_000).toISOString();
  const failed = { channel_id: channel.id, select: "failed", since };
  const replay = await api.send<{ id: string }>("POST", "/v1/replays", failed);
  expect(replay.status).toBe(201);
  return {
    tenant,
    api,
    channelId: channel.id,
    eventId: body.id,
    deliveryId: delivery.id,
    replayId: replay.body.id,
    idempotencyKey,
    mark,
  };
}

function withoutIds(body: unknown): string {
  return JSON.stringify(body).replaceAll(anyId, "<id>");
}

const anyId = /[0-9a-f]{8}(-[0-9a-f]{4}){3}-[0-9a-f]{12}/g;

const unknownId = "0190a0b0-0000-7000-8000-000000000000";

function credentials(changed: Record<string, string> = {}): Record<string, string> {
  return { "x-api-key": ours.key.apiKey, "x-tenant-id": ours.tenant, ...changed };
}

function call<Body>(serviceName: string, method: string, body: object) {
  return ours.api.send<Body>("POST", `/jitsudo.notifications.v1.${serviceName}/${method}`, body);
}

/** The code that a method answers with; of a stream, over gRPC. */
async function codeOf(method: DescMethod, headers: Record<string, string>): Promise<string> {
  if (method.methodKind === "unary") {
    const api = createApi(service.url, "", "");
    const path = `/${method.parent.typeName}/${method.name}`;
    return (await api.send<{ code: string }>("POST", path, {}, headers)).body.code;
  }
  const session = connectHttp2(service.url);
  const stream = session.request({
    ":method": "POST",
    ":path": `/${method.parent.typeName}/${method.name}`,
    "content-type": "application/grpc",
    te: "trailers",
    ...headers,
  });
  let status: unknown;
  const readStatus = (received: Record<string, unknown>) => {
    status = received["grpc-status"] ?? status;
  };
  stream.on("response", readStatus).on("trailers", readStatus).end();
  await text(stream);
  session.close();
  return codeToString(Number(status));
}

function nameOf({ parent, name }: DescMethod): string {
  return `${parent.name}.${name}`;
}
