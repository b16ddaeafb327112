import { expect } from "vitest";
import { until } from "../support/until.ts";

export type Json = null | boolean | number | string | Json[] | { [key: string]: Json };

export interface Reply<Body = unknown> {
  status: number;
  headers: Headers;
  body: Body;
}

/** What the REST API answers, as JSON. */
export interface ChannelJson {
  id: string;
  name: string;
  channel_type: string;
  config: Record<string, unknown>;
  enabled: boolean;
  event_filters: string[];
  created_at: string;
  updated_at: string;
}

export interface IngestedJson {
  id: string;
  deliveries: number;
  replayed: boolean;
}

export interface AttemptJson {
  number: number;
  started_at: string;
  duration_ms: number;
  outcome: string;
  status_code?: number;
  response: string;
  error: string;
}

export interface DeliveryJson {
  id: string;
  event_id: string;
  event_type: string;
  channel_id: string;
  channel_type: string;
  state: string;
  attempt_count: number;
  duplicate_of: string;
  last_error: string;
  created_at: string;
  next_attempt_at?: string;
  completed_at?: string;
  attempts: AttemptJson[];
}

export interface ErrorJson {
  code: string;
  message: string;
  details: { fields?: { field: string; message: string }[] };
}

const open = ["pending", "delivering"];

export type Api = ReturnType<typeof createApi>;

/** The REST API as a tenant calls it. */
export function createApi(url: string, apiKey: string, tenantId: string) {
  /** A string goes out as it is, anything else as JSON. An empty header value leaves the header out. */
  async function send<Body = unknown>(
    method: string,
    path: string,
    body?: unknown,
    headers: Record<string, string> = {},
  ): Promise<Reply<Body>> {
    const all = {
      "X-API-Key": apiKey,
      "X-Tenant-ID": tenantId,
      ...(body !== undefined && { "Content-Type": "application/json" }),
      ...headers,
    };
    const response = await fetch(`${url}${path}`, {
      method,
      headers: Object.entries(all).filter(([, value]) => value !== ""),
      ...(body !== undefined && { body: typeof body === "string" ? body : JSON.stringify(body) }),
    });
    const text = await response.text();
    return {
      status: response.status,
      headers: response.headers,
      body: (text === "" ? undefined : JSON.parse(text)) as Body,
    };
  }

  async function expectStatus<Body>(status: number, call: Promise<Reply<unknown>>): Promise<Body> {
    const reply = await call;
    expect(reply, JSON.stringify(reply.body)).toMatchObject({ status });
    return reply.body as Body;
  }

  /** Everything that the filter finds, over all pages; without attempts. */
  async function deliveries(filter: Record<string, string> = {}): Promise<DeliveryJson[]> {
    const found: DeliveryJson[] = [];
    let token = "";
    do {
      const query = new URLSearchParams({ page_size: "200", ...filter, ...(token && { page_token: token }) });
      const page = await expectStatus<{ deliveries: DeliveryJson[]; next_page_token: string }>(
        200,
        send("GET", `/v1/deliveries?${query}`),
      );
      found.push(...page.deliveries);
      token = page.next_page_token;
    } while (token !== "");
    return found;
  }

  const delivery = (id: string) => expectStatus<DeliveryJson>(200, send("GET", `/v1/deliveries/${id}`));

  return {
    send,

    createChannel: (kind: string, body: object) =>
      expectStatus<ChannelJson>(201, send("POST", `/v1/notification-channels/${kind}`, body)),

    /** A channel that posts to `to`, for all events unless `more` says otherwise. */
    createWebhook: (to: string, more: object = {}) =>
      expectStatus<ChannelJson>(
        201,
        send("POST", "/v1/notification-channels/generic-webhook", { name: "webhook", url: to, ...more }),
      ),

    channel: (id: string) => expectStatus<ChannelJson>(200, send("GET", `/v1/notification-channels/${id}`)),

    updateChannel: (id: string, body: object) =>
      expectStatus<ChannelJson>(200, send("PUT", `/v1/notification-channels/${id}`, body)),

    deleteChannel: (id: string) =>
      expectStatus<undefined>(204, send("DELETE", `/v1/notification-channels/${id}`)),

    ingest: (event: object) => expectStatus<IngestedJson>(202, send("POST", "/v1/events", event)),

    deliveries,
    delivery,

    /** The event's deliveries with their attempts, once all of them have ended. */
    async settled(eventId: string, timeoutMs = 15_000): Promise<DeliveryJson[]> {
      const ended = await until(
        async () => {
          const found = await deliveries({ event_id: eventId });
          return found.every(({ state }) => !open.includes(state)) ? found : undefined;
        },
        { timeoutMs },
      );
      return Promise.all(ended.map(({ id }) => delivery(id)));
    },

    /** Sends an event that makes one delivery, and returns that once it has ended. */
    async deliverOne(event: object): Promise<DeliveryJson> {
      const { id, deliveries: count } = await this.ingest(event);
      expect(count).toBe(1);
      const [only] = await this.settled(id);
      if (!only) throw new Error(`Event ${id} has no delivery`);
      return only;
    },
  };
}
