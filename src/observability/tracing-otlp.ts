import {
  SpanKind as ApiSpanKind,
  type Attributes,
  ROOT_CONTEXT,
  SpanStatusCode,
  trace,
} from "@opentelemetry/api";
import { OTLPTraceExporter } from "@opentelemetry/exporter-trace-otlp-http";
import {
  defaultResource,
  detectResources,
  envDetector,
  resourceFromAttributes,
} from "@opentelemetry/resources";
import { BatchSpanProcessor, type SpanExporter, TracerProvider } from "@opentelemetry/sdk-trace";
import type { Logger } from "pino";
import { withinMs } from "../async/within-ms.ts";
import { formatTraceparent, parseTraceparent } from "./trace-context.ts";
import type { Span, SpanKind, Tracing } from "./tracing.ts";
import { createSampler } from "./tracing-sampler.ts";

const kinds: Record<SpanKind, ApiSpanKind> = { server: ApiSpanKind.SERVER, client: ApiSpanKind.CLIENT };

/** How long one export may take, and the last one at a stop, in milliseconds. */
const exportTimeoutMs = 5_000;

/** A collector that stays away is logged this often. */
const complainEveryMs = 60_000;

/**
 * Spans by way of the OpenTelemetry SDK, sent as OTLP over HTTP in batches. Endpoint,
 * headers, time-out, compression and resource are the SDK's own OTEL_… variables; the
 * sampler is read here. Spans that the collector does not take are dropped: they must
 * hold nothing up. Throws when the sampler's variables do not fit.
 */
export function createOtlpTracing(env: NodeJS.ProcessEnv, log: Logger): Tracing {
  const provider = new TracerProvider({
    sampler: createSampler(env),
    resource: defaultResource()
      .merge(resourceFromAttributes({ "service.name": "jitsudo-notifications" }))
      .merge(detectResources({ detectors: [envDetector] })),
    spanProcessors: [
      new BatchSpanProcessor({
        exporter: complaining(new OTLPTraceExporter(), log),
        exportTimeoutMillis: exportTimeoutMs,
      }),
    ],
  });
  const tracer = provider.getTracer("jitsudo-notifications");

  return {
    start(name, kind, header): Span {
      const parent = parseTraceparent(header);
      const context = parent
        ? trace.setSpanContext(ROOT_CONTEXT, {
            traceId: parent.traceId,
            spanId: parent.spanId,
            traceFlags: parent.sampled ? 1 : 0,
            isRemote: true,
          })
        : ROOT_CONTEXT;
      const span = tracer.startSpan(name, { kind: kinds[kind] }, context);
      const { traceId, spanId, traceFlags } = span.spanContext();
      return {
        traceId,
        traceparent: formatTraceparent({ traceId, spanId, sampled: (traceFlags & 1) === 1 }),
        end(attributes, error) {
          if (span.isRecording()) {
            span.setAttributes(attributes as Attributes);
            if (error !== undefined) span.setStatus({ code: SpanStatusCode.ERROR, message: error });
          }
          span.end();
        },
      };
    },

    async close() {
      const flushed = provider.shutdown().catch((error: Error) => {
        log.warn({ err: error.name }, "the last spans were not sent");
      });
      await withinMs(exportTimeoutMs, flushed);
    },
  };
}

/** Says once in a while that spans are being dropped; the SDK by itself is silent. */
function complaining(exporter: SpanExporter, log: Logger): SpanExporter {
  let quietUntil = 0;
  return {
    export(spans, done) {
      exporter.export(spans, (result) => {
        if (result.error && performance.now() > quietUntil) {
          quietUntil = performance.now() + complainEveryMs;
          // Its message holds what the collector answered.
          log.warn({ err: result.error.name, spans: spans.length }, "the trace collector took no spans");
        }
        done(result);
      });
    },
    shutdown: () => exporter.shutdown(),
    forceFlush: () => exporter.forceFlush?.() ?? Promise.resolve(),
  };
}
