import type { Logger } from "pino";
import type { Registry } from "prom-client";
import { describeError } from "./describe-error.ts";
import type { Pages } from "./server-options.ts";

/** Answers `GET /metrics` in the text format of Prometheus. It holds no tenant's data. */
export function createMetricsPage(registry: Registry, log: Logger): Pages {
  return (request, response) => {
    if (request.url !== "/metrics" || request.method !== "GET") return false;
    registry.metrics().then(
      (text) => {
        response.writeHead(200, { "content-type": registry.contentType });
        response.end(text);
      },
      (error: unknown) => {
        log.error({ error: describeError(error) }, "cannot collect the metrics");
        response.writeHead(500, {});
        response.end();
      },
    );
    return true;
  };
}
