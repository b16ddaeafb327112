import { createServer } from "node:http";
import type { AddressInfo } from "node:net";
import { until } from "../support/until.ts";

/** A span as it came in, with what the tests look at. */
export interface CollectedSpan {
  name: string;
  service: string;
  traceId: string;
  spanId: string;
  parentSpanId: string;
  /** OTLP's numbers: 2 is a server, 3 a client. */
  kind: number;
  isError: boolean;
  attributes: Record<string, unknown>;
}

/** A collector for traces: OTLP over HTTP in JSON (opentelemetry.io/docs/specs/otlp). */
export interface Collector {
  /** OTEL_EXPORTER_OTLP_ENDPOINT. */
  url: string;
  spans: CollectedSpan[];
  /** Waits for so many spans that `which` chooses. */
  waitFor(count: number, which: (span: CollectedSpan) => boolean): Promise<CollectedSpan[]>;
  close(): Promise<void>;
}

interface Value {
  stringValue?: string;
  intValue?: number;
  boolValue?: boolean;
}

interface OtlpSpan {
  name: string;
  traceId: string;
  spanId: string;
  parentSpanId?: string;
  kind: number;
  status?: { code?: number };
  attributes: { key: string; value: Value }[];
}

interface OtlpRequest {
  resourceSpans: {
    resource: { attributes: { key: string; value: Value }[] };
    scopeSpans: { spans: OtlpSpan[] }[];
  }[];
}

export async function startCollector(): Promise<Collector> {
  const spans: CollectedSpan[] = [];
  const server = createServer(async (request, response) => {
    let text = "";
    for await (const chunk of request.setEncoding("utf8")) text += chunk;
    if (request.method === "POST" && request.url === "/v1/traces") spans.push(...read(JSON.parse(text)));
    response.writeHead(200, { "content-type": "application/json" }).end("{}");
  });
  await new Promise<void>((resolve) => server.listen(0, "127.0.0.1", resolve));
  const { port } = server.address() as AddressInfo;

  return {
    url: `http://127.0.0.1:${port}`,
    spans,
    async waitFor(count, which) {
      await until(() => spans.filter(which).length >= count, { timeoutMs: 20_000 });
      return spans.filter(which);
    },
    close() {
      const closed = new Promise<void>((resolve) => server.close(() => resolve()));
      server.closeAllConnections();
      return closed;
    },
  };
}

function read({ resourceSpans }: OtlpRequest): CollectedSpan[] {
  return resourceSpans.flatMap(({ resource, scopeSpans }) =>
    scopeSpans.flatMap(({ spans }) =>
      spans.map(({ attributes, status, parentSpanId = "", name, traceId, spanId, kind }) => ({
        name,
        traceId,
        spanId,
        parentSpanId,
        kind,
        service: String(valuesOf(resource.attributes)["service.name"]),
        isError: status?.code === 2,
        attributes: valuesOf(attributes),
      })),
    ),
  );
}

function valuesOf(attributes: { key: string; value: Value }[]): Record<string, unknown> {
  return Object.fromEntries(attributes.map(({ key, value }) => [key, Object.values(value)[0]]));
}
