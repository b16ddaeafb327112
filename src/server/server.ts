import { withinMs } from "../async/within-ms.ts";
import { apiError } from "../services/errors.ts";
import { createCalls } from "./calls.ts";
import type { ObserveCall } from "./observe-call.ts";
import { createOnePort } from "./one-port.ts";
import { createReadiness } from "./readiness.ts";
import { createRequestListener } from "./request-listener.ts";
import type { ServerOptions } from "./server-options.ts";
import { createTlsPort } from "./tls-port.ts";

export interface Server {
  url: string;
  port: number;
  /** Reads the certificate anew; does nothing without TLS. A failure is logged. */
  reloadCertificate(): void;
  /**
   * Refuses new connections, lets open calls finish within the time of grace, and
   * resolves at most about a second after it. May be called more than once.
   */
  close(): Promise<void>;
}

const unobserved: ObserveCall = () => ({ traceparent: undefined, traceId: undefined, end: () => undefined });

/** How long ended calls get to tell their clients, and then connections to close, in milliseconds. */
const farewellMs = 400;

/**
 * Serves gRPC, gRPC-Web, Connect and REST on one port. Rejects when the port cannot be
 * had, the certificate does not fit, a method names no scope or its REST annotation is
 * not supported.
 */
export async function startServer(options: ServerOptions): Promise<Server> {
  const { host, shutdownGraceMs, requestTimeoutMs, log } = options;
  const calls = createCalls({ log, observe: options.observe ?? unobserved });
  const readiness = createReadiness(options);
  const portOptions = {
    onRequest: createRequestListener(options, calls, readiness),
    // Later than the deadline, so that the call itself can still answer that it has passed.
    receiveTimeoutMs: requestTimeoutMs + 1000,
    log,
  };
  const tlsPort = options.tls && createTlsPort(options.tls, portOptions);
  const port = tlsPort ?? createOnePort(portOptions);
  const boundPort = await port.listen(host, options.port);
  let closed: Promise<void> | undefined;

  return {
    url: `${tlsPort ? "https" : "http"}://${host.includes(":") ? `[${host}]` : host}:${boundPort}`,
    port: boundPort,
    reloadCertificate: () => tlsPort?.reload(),
    close() {
      closed ??= stop();
      return closed;
    },
  };

  async function stop(): Promise<void> {
    readiness.stop();
    calls.closeConnectionsAfterwards();
    port.stop();
    await withinMs(shutdownGraceMs, calls.drained());
    calls.abortAll(apiError("unavailable", "the server is stopping"));
    await withinMs(farewellMs, calls.drained());
    await port.close(farewellMs);
  }
}
