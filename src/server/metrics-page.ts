import type { Registry } from "prom-client";
import type { ServerOptions } from "./server-options.ts";

/** Answers `GET /metrics` in the text format of Prometheus. It holds no tenant's data. */
export function createMetricsPage(registry: Registry): NonNullable<ServerOptions["http"]> {
  return (request, response) => {
    if (request.url !== "/metrics" || request.method !== "GET") return false;
    registry.metrics().then(
      (text) => {
        response.writeHead(200, { "content-type": registry.contentType });
        response.end(text);
      },
      () => {
        response.writeHead(500, {});
        response.end();
      },
    );
    return true;
  };
}
