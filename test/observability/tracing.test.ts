import { afterAll, beforeAll, expect, test } from "vitest";
import { createNotificationsClient } from "../../src/clients/connect.ts";
import { type Deployment, deploy } from "../e2e/deployment.ts";
import { type HttpSink, startHttpSink } from "../sinks/http-sink.ts";
import { type Collector, startCollector } from "./collector.ts";

const traceId = "4bf92f3577b34da6a3ce929d0e0e4736";
const callersSpan = "00f067aa0ba902b7";
const traceparent = `00-${traceId}-${callersSpan}-01`;

let sink: HttpSink;
let collector: Collector;

beforeAll(async () => {
  sink = await startHttpSink();
  collector = await startCollector();
});

afterAll(async () => {
  await collector.close();
  await sink.close();
});

async function withDeployment(env: Record<string, string>, run: (deployment: Deployment) => Promise<void>) {
  const deployment = await deploy("PostgreSQL and Redis", env);
  try {
    await run(deployment);
  } finally {
    await deployment.close();
  }
}

test("a trace goes from the caller through ingest and each attempt to the endpoint", async () => {
  const env = { OTEL_EXPORTER_OTLP_ENDPOINT: collector.url, JITSUDO_LOG_LEVEL: "debug" };
  await withDeployment(env, async ({ service, newTenant }) => {
    const { api } = await newTenant();
    sink.respond("/traced", [{ status: 503 }, { status: 200 }]);
    const channel = await api.createWebhook(`${sink.url}/traced`);
    const { body } = await api.send<{ id: string }>(
      "POST",
      "/v1/events",
      { type: "grant.active", grant_id: "grant-1" },
      { traceparent, "x-request-id": "request-1" },
    );
    const [delivery] = await api.settled(body.id);

    const [ingest] = await collector.waitFor(1, ({ name }) => name === "POST /v1/events");
    expect(ingest).toMatchObject({
      service: "jitsudo-notifications",
      traceId,
      parentSpanId: callersSpan,
      kind: 2,
      isError: false,
      attributes: {
        "jitsudo.code": "ok",
        "jitsudo.protocol": "rest",
        "jitsudo.request_id": "request-1",
        "http.response.status_code": 202,
      },
    });

    const attempts = await collector.waitFor(2, ({ name }) => name === "deliver generic_webhook");
    expect(attempts).toMatchObject([
      { isError: true, attributes: { "jitsudo.attempt": 1, "http.response.status_code": 503 } },
      { isError: false, attributes: { "jitsudo.attempt": 2, "http.response.status_code": 200 } },
    ]);
    for (const attempt of attempts) {
      expect(attempt).toMatchObject({ traceId, parentSpanId: ingest?.spanId, kind: 3 });
      expect(attempt.attributes).toMatchObject({
        "jitsudo.channel_id": channel.id,
        "jitsudo.event_id": body.id,
        "jitsudo.delivery_id": delivery?.id,
      });
    }
    expect(sink.to("/traced").map(({ headers }) => headers.traceparent)).toEqual(
      attempts.map(({ spanId }) => `00-${traceId}-${spanId}-01`),
    );

    // The same trace in the log: of the call, and of the attempts.
    const lines = service
      .stderr()
      .split("\n")
      .filter((line) => line.includes(`"trace_id":"${traceId}"`))
      .map((line) => JSON.parse(line));
    expect(lines).toContainEqual(
      expect.objectContaining({ msg: "request", request_id: "request-1", method: "POST /v1/events" }),
    );
    expect(lines.filter(({ msg }) => msg === "attempt made")).toMatchObject([
      { delivery_id: delivery?.id, attempt: 1, outcome: "retry" },
      { delivery_id: delivery?.id, attempt: 2, outcome: "delivered" },
    ]);
  });
});

test("events of a batch and calls without a trace have one too", async () => {
  await withDeployment({ OTEL_EXPORTER_OTLP_ENDPOINT: collector.url }, async ({ service, newTenant }) => {
    const { api, apiKey, id: tenantId } = await newTenant();
    await api.createWebhook(`${sink.url}/untraced`);
    const client = createNotificationsClient({ baseUrl: service.url, apiKey, tenantId });
    await client.events.ingestEvents({ events: [{ type: "grant.active", grantId: "grant-2" }] });
    await sink.waitFor((requests) => requests.some(({ path }) => path === "/untraced"));

    const [ingest] = await collector.waitFor(1, ({ name }) => name === "EventIngestService.IngestEvents");
    expect(ingest?.parentSpanId).toBe("");
    const sent = sink.to("/untraced")[0]?.headers.traceparent;
    const [attempt] = await collector.waitFor(1, (span) => span.parentSpanId === ingest?.spanId);
    expect(sent).toBe(`00-${ingest?.traceId}-${attempt?.spanId}-01`);
  });
});

test("a sampler that drops a trace keeps it in one piece all the same", async () => {
  const env = { OTEL_EXPORTER_OTLP_ENDPOINT: collector.url, OTEL_TRACES_SAMPLER: "always_off" };
  await withDeployment(env, async ({ newTenant, service }) => {
    const { api } = await newTenant();
    await api.createWebhook(`${sink.url}/unsampled`);
    await api.send("POST", "/v1/events", { type: "grant.active" }, { traceparent });
    await sink.waitFor((requests) => requests.some(({ path }) => path === "/unsampled"));
    expect(sink.to("/unsampled")[0]?.headers.traceparent).toMatch(
      new RegExp(`^00-${traceId}-[0-9a-f]{16}-00$`),
    );
    const before = collector.spans.length;
    await service.stop();
    expect(collector.spans).toHaveLength(before);
  });
});

test("without a collector the caller's trace is handed on as it is, and a broken one is not", async () => {
  await withDeployment({}, async ({ newTenant }) => {
    const { api } = await newTenant();
    await api.createWebhook(`${sink.url}/passed-on`);
    await api.send("POST", "/v1/events", { type: "grant.active", grant_id: "a" }, { traceparent });
    await sink.waitFor((requests) => requests.filter(({ path }) => path === "/passed-on").length === 1);
    await api.send(
      "POST",
      "/v1/events",
      { type: "grant.active", grant_id: "b" },
      { traceparent: "00-nonsense" },
    );
    await sink.waitFor((requests) => requests.filter(({ path }) => path === "/passed-on").length === 2);
    expect(sink.to("/passed-on").map(({ headers }) => headers.traceparent)).toEqual([traceparent, undefined]);
  });
});

test("a collector that is away holds nothing up, not even the stop", async () => {
  await withDeployment(
    { OTEL_EXPORTER_OTLP_ENDPOINT: "http://127.0.0.1:9" },
    async ({ newTenant, service }) => {
      const { api } = await newTenant();
      await api.createWebhook(`${sink.url}/no-collector`);
      await api.ingest({ type: "grant.active" });
      await sink.waitFor((requests) => requests.some(({ path }) => path === "/no-collector"));
      const stoppedAt = performance.now();
      expect(await service.stop()).toBe(0);
      expect(performance.now() - stoppedAt).toBeLessThan(9_000);
    },
  );
});
