import { setTimeout as sleep } from "node:timers/promises";
import type { HttpSink } from "../../test/sinks/http-sink.ts";
import type { SmtpSink } from "../../test/sinks/smtp-sink.ts";
import { until } from "../../test/support/until.ts";
import { samples } from "../gallery/samples.ts";
import type { TenantApi } from "./tenant-api.ts";

/** How long the clock of the service has to be moved on until it is right: see clock.ts. */
const steps = 48;

interface Sinks {
  http: HttpSink;
  smtp: SmtpSink;
}

/** Makes the channels of a tenant, as it might have them. Answers their ids by name. */
export async function makeChannels(api: TenantApi, { http, smtp }: Sinks): Promise<Map<string, string>> {
  const made: [kind: string, body: Record<string, unknown>][] = [
    [
      "slack-webhook",
      {
        name: "#access-requests",
        webhook_url: `${http.url}/services/T01/B02/x`,
        break_glass_mention: "here",
      },
    ],
    [
      "email",
      {
        name: "Security mailbox",
        smtp_host: smtp.host,
        smtp_port: smtp.port,
        from_address: "access@example.com",
        to_addresses: ["security@example.com", "on-call@example.com"],
        time_zone: "Europe/Berlin",
      },
    ],
    [
      "generic-webhook",
      {
        name: "Incident timeline",
        url: `${http.url}/hooks/incidents`,
        headers: { Authorization: "Bearer 7f3c" },
        generate_signing_secret: "symmetric",
        event_filters: ["request.break_glass", "grant.active", "grant.revoked", "grant.expired"],
      },
    ],
    [
      "generic-webhook",
      {
        name: "Ticket system",
        url: `${http.url}/tickets/api/v2`,
        event_filters: ["request.pending", "request.approved", "request.denied"],
      },
    ],
    [
      "aws-sns",
      {
        name: "Audit lake",
        topic_arn: "arn:aws:sns:eu-central-1:123456789012:access-events",
        enabled: false,
      },
    ],
  ];
  const ids = new Map<string, string>();
  for (const [kind, body] of made) {
    const { id } = await api.post<{ id: string }>(`/v1/notification-channels/${kind}`, body);
    ids.set(String(body.name), id);
  }
  return ids;
}

/** A day of events. In its last hours the ticket system answers that it is down. */
export async function liveThroughADay(api: TenantApi, sinks: Sinks, moveOn: () => void): Promise<void> {
  let request = 2_100;
  const slow = ({ headers }: { headers: object }, count: number) => ({
    delayMs: 20 + ((count * 37) % 160) + (Object.keys(headers).length % 3) * 5,
  });
  sinks.http.respond("/services/T01/B02/x", slow);
  sinks.http.respond("/hooks/incidents", slow);
  for (let step = 0; step < steps; step++) {
    const isDown = step >= steps - 7;
    sinks.http.respond("/tickets/api/v2", isDown ? { status: 503, body: "upstream connect error" } : slow);
    const events = Array.from({ length: busyness(step) }, (_, n) => eventOf(step * 7 + n, () => request++));
    await api.post("/v1/events:batch", { events });
    await untilQuiet(api);
    moveOn();
    await sleep(50);
  }
  // So long a channel's health keeps to the success before.
  await sleep(10_000);
  await api.post("/v1/events:batch", {
    events: Array.from({ length: 7 }, (_, n) => eventOf(n * 2, () => request++)),
  });
  await untilQuiet(api);
}

/** Half-hours of a day, as busy as people are then: at night there is little but break-glass. */
function busyness(step: number): number {
  const hour = (new Date().getHours() + step / 2) % 24;
  return Math.round(2 + 15 * Math.exp(-((hour - 10.5) ** 2) / 8) + 12 * Math.exp(-((hour - 15) ** 2) / 10));
}

const people = ["ada.keller", "tomasz.nowak", "miriam.osei", "jonas.berg", "li.wei", "sofia.rossi"];

function eventOf(n: number, nextRequest: () => number): object {
  const sample = samples[(n * 5) % samples.length]?.event ?? { type: "request.pending" };
  // Break-glass is rare.
  const event = sample.type === "request.break_glass" && n % 3 !== 0 ? samples[0]?.event : sample;
  const { occurred_at: _, expires_at: _until, ...rest } = { ...event, type: event?.type };
  return {
    ...rest,
    request_id: `req-${nextRequest()}`,
    requester: `${people[n % people.length]}@example.com`,
  };
}

/** All has ended but what waits for a broken endpoint. */
async function untilQuiet(api: TenantApi): Promise<void> {
  let last = -1;
  await until(
    async () => {
      const { pending, delivering } = await api.get<{ pending: number; delivering: number }>(
        "/v1/statistics/queue",
      );
      const isSteady = delivering === 0 && pending === last;
      last = pending;
      return isSteady;
    },
    { intervalMs: 150 },
  );
}
