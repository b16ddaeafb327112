import { randomUUID } from "node:crypto";
import type { ApiKeys } from "../../../src/store/api-keys.ts";
import { until } from "../../support/until.ts";

/** What a test says of an event; the rest is filled in. */
export interface EventFields {
  type?: string;
  [field: string]: unknown;
}

export interface Channel {
  id: string;
  enabled: boolean;
  health: {
    state: string;
    consecutive_failures: number;
    last_error: string;
    retry_at?: string;
  };
}

export interface Delivery {
  id: string;
  channel_id: string;
  channel_type: string;
  state: string;
  attempt_count: number;
  duplicate_of: string;
  last_error: string;
  attempts: { number: number; outcome: string; error: string }[];
}

export interface Reply {
  status: number;
  body: Record<string, unknown>;
}

/** A tenant that calls the REST API with its own key. */
export interface Tenant {
  id: string;
  apiKey: string;
  call(method: string, path: string, body?: unknown): Promise<Reply>;
  /** The same tenant on another process. */
  at(url: string): Tenant;
  /** Makes a webhook channel and returns its id. */
  webhook(url: string, settings?: Record<string, unknown>): Promise<string>;
  slack(url: string, settings?: Record<string, unknown>): Promise<string>;
  channel(id: string): Promise<Channel>;
  /** Sends an event and returns its id. Throws unless it is accepted. */
  send(fields?: EventFields): Promise<string>;
  sendAll(events: EventFields[]): Promise<string[]>;
  /** Waits until all deliveries of the event have a final state and returns them with their attempts. */
  ended(eventId: string, timeoutMs?: number): Promise<Delivery[]>;
}

const open = ["pending", "delivering"];

export async function createTenant(keys: ApiKeys, url: string): Promise<Tenant> {
  const { id } = await keys.createTenant(randomUUID());
  const scopes = ["channels:read", "channels:write", "events:write", "deliveries:read", "deliveries:write"];
  const { key } = await keys.createKey(
    { tenantId: id, name: "test", scopes, expiresAt: null, rateLimitPerSecond: null },
    { type: "cli" },
  );
  return tenantAt(url, id, key);
}

function tenantAt(url: string, id: string, apiKey: string): Tenant {
  async function call(method: string, path: string, body?: unknown): Promise<Reply> {
    const response = await fetch(`${url}${path}`, {
      method,
      headers: { "X-API-Key": apiKey, "X-Tenant-ID": id, "Content-Type": "application/json" },
      ...(body !== undefined && { body: JSON.stringify(body) }),
    });
    const text = await response.text();
    return { status: response.status, body: text ? JSON.parse(text) : {} };
  }

  async function expectStatus(status: number, reply: Promise<Reply>): Promise<Reply["body"]> {
    const { status: actual, body } = await reply;
    if (actual !== status) throw new Error(`HTTP ${actual}: ${JSON.stringify(body)}`);
    return body;
  }

  async function create(kind: string, settings: Record<string, unknown>): Promise<string> {
    const body = { name: kind, ...settings };
    return String((await expectStatus(201, call("POST", `/v1/notification-channels/${kind}`, body))).id);
  }

  async function deliveries(eventId: string): Promise<Delivery[]> {
    const page = await expectStatus(200, call("GET", `/v1/deliveries?event_id=${eventId}`));
    return page.deliveries as Delivery[];
  }

  return {
    id,
    apiKey,
    call,
    at: (other) => tenantAt(other, id, apiKey),
    webhook: (target, settings) => create("generic-webhook", { url: target, ...settings }),
    slack: (target, settings) => create("slack-webhook", { webhook_url: target, ...settings }),
    channel: async (channelId) =>
      (await expectStatus(200, call("GET", `/v1/notification-channels/${channelId}`))) as unknown as Channel,
    send: async (fields) => String((await expectStatus(202, call("POST", "/v1/events", event(fields)))).id),
    async sendAll(events) {
      const { results } = (await expectStatus(
        202,
        call("POST", "/v1/events:batch", { events: events.map(event) }),
      )) as { results: { accepted: { id: string } }[] };
      return results.map(({ accepted }) => accepted.id);
    },
    async ended(eventId, timeoutMs = 20_000) {
      const ended = await until(
        async () => {
          const found = await deliveries(eventId);
          return found.length > 0 && found.every(({ state }) => !open.includes(state)) ? found : undefined;
        },
        { timeoutMs, intervalMs: 50 },
      );
      return Promise.all(
        ended.map(
          async (delivery) =>
            (await expectStatus(200, call("GET", `/v1/deliveries/${delivery.id}`))) as unknown as Delivery,
        ),
      );
    },
  };
}

function event(fields: EventFields = {}): EventFields {
  return { type: "request.pending", request_id: randomUUID(), requester: "alice@example.com", ...fields };
}
