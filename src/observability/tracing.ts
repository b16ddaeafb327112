import type { Logger } from "pino";
import { formatTraceparent, parseTraceparent, type TraceContext } from "./trace-context.ts";

/** Makes spans; where no exporter is configured it only hands on the caller's trace. */
export interface Tracing {
  /**
   * Begins a span. `parent` is a `traceparent` from anywhere: one that is malformed
   * counts as none, and a new trace begins.
   */
  start(name: string, kind: SpanKind, parent: string | string[] | undefined): Span;
  /** Sends what has not been sent yet, within seconds. */
  close(): Promise<void>;
}

/** "server" answers a caller; "client" calls an endpoint. */
export type SpanKind = "server" | "client";

export interface Span {
  /** For whoever carries the trace on; undefined when there is none. */
  readonly traceparent: string | undefined;
  /** For the log; undefined when there is no trace. */
  readonly traceId: string | undefined;
  /** `error`: why it failed; absent: it did not. It must be fit for a log. */
  end(attributes: SpanAttributes, error?: string): void;
}

export type SpanAttributes = Record<string, string | number | boolean | undefined>;

/**
 * Exports spans by OTLP when OTEL_EXPORTER_OTLP_ENDPOINT (or its _TRACES_ form) is
 * set and OTEL_SDK_DISABLED is not "true". The SDK is loaded only then.
 */
export async function createTracing(env: NodeJS.ProcessEnv, log: Logger): Promise<Tracing> {
  const endpoint = env.OTEL_EXPORTER_OTLP_TRACES_ENDPOINT || env.OTEL_EXPORTER_OTLP_ENDPOINT;
  if (!endpoint || env.OTEL_SDK_DISABLED?.toLowerCase() === "true") return passOn;
  const { createOtlpTracing } = await import("./tracing-otlp.ts");
  return createOtlpTracing(env, log);
}

const untraced: Span = { traceparent: undefined, traceId: undefined, end: () => undefined };

/** Makes no spans, but keeps a trace that the caller has begun from breaking off here. */
const passOn: Tracing = {
  start(_name, _kind, parent) {
    const context = parent && parseTraceparent(parent);
    return context ? passedOn(context) : untraced;
  },
  close: () => Promise.resolve(),
};

function passedOn(context: TraceContext): Span {
  return { traceparent: formatTraceparent(context), traceId: context.traceId, end: () => undefined };
}
