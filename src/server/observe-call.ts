import type { Metrics } from "../observability/metrics.ts";
import type { Tracing } from "../observability/tracing.ts";
import type { HttpRequest } from "./calls.ts";

/** What one call leaves behind in metrics and traces. */
export interface CallObservation {
  /** For the work that the call sets off; undefined when there is no trace. */
  readonly traceparent: string | undefined;
  /** For the log. */
  readonly traceId: string | undefined;
  end(result: CallResult): void;
}

export interface CallResult {
  requestId: string;
  /** "ok", or the snake_case code of the error. */
  code: string;
  /** HTTP status; 200 for most failures of gRPC. */
  status: number;
  durationMs: number;
}

/** `name`: a method or a route, never a path as sent. */
export type ObserveCall = (request: HttpRequest, name: string) => CallObservation;

/** What the caller did wrong is no failure of the service: such spans are not marked as errors. */
const ourFailures = new Set(["unknown", "deadline_exceeded", "internal", "unavailable", "data_loss"]);

/** Counts and times every call and makes a span of it, probes aside: those would be most of the traces. */
export function createCallObserver(
  { calls, callSeconds, callsOpen }: Pick<Metrics, "calls" | "callSeconds" | "callsOpen">,
  tracing: Tracing,
): ObserveCall {
  return (request, name) => {
    const protocol = protocolOf(request, name);
    const isProbe = protocol === "http" || name.startsWith("Health.");
    const span = isProbe ? undefined : tracing.start(name, "server", request.headers.traceparent);
    callsOpen.inc();
    return {
      traceparent: span?.traceparent,
      traceId: span?.traceId,
      end({ requestId, code, status, durationMs }) {
        callsOpen.dec();
        calls.inc({ method: name, protocol, code });
        callSeconds.observe({ method: name, protocol }, durationMs / 1000);
        span?.end(
          {
            "jitsudo.protocol": protocol,
            "jitsudo.request_id": requestId,
            "jitsudo.code": code,
            "http.response.status_code": status,
          },
          ourFailures.has(code) ? code : undefined,
        );
      },
    };
  };
}

/** Routes of REST have a space in their names, pages a slash in front; methods of services have neither. */
function protocolOf({ headers }: HttpRequest, name: string): string {
  if (name.startsWith("/")) return "http";
  const type = headers["content-type"] ?? "";
  if (type.startsWith("application/grpc-web")) return "grpc-web";
  if (type.startsWith("application/grpc")) return "grpc";
  return name.includes(".") && !name.includes(" ") ? "connect" : "rest";
}
