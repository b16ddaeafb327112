import { apiError } from "../services/errors.ts";
import { createCalls } from "./calls.ts";
import { createOnePort } from "./one-port.ts";
import { createReadiness } from "./readiness.ts";
import { createRequestListener } from "./request-listener.ts";
import type { ServerOptions } from "./server-options.ts";
import { withinMs } from "./within-ms.ts";

export type { ServerOptions };

export interface Server {
  url: string;
  port: number;
  /**
   * Refuses new connections, lets open calls finish within the time of grace, and
   * resolves at most about a second after it. May be called more than once.
   */
  close(): Promise<void>;
}

/** How long ended calls get to tell their clients, and then connections to close, in milliseconds. */
const farewellMs = 400;

/**
 * Serves gRPC, gRPC-Web, Connect and REST on one port. Rejects when the port
 * cannot be had; throws when a method names no scope or its REST annotation is not
 * supported.
 */
export async function startServer(options: ServerOptions): Promise<Server> {
  const { host, shutdownGraceMs, requestTimeoutMs, log } = options;
  const calls = createCalls({ log });
  const readiness = createReadiness(options);
  const port = createOnePort({
    onRequest: createRequestListener(options, calls, readiness),
    // Later than the deadline, so that the call itself can still answer that it has passed.
    receiveTimeoutMs: requestTimeoutMs + 1000,
    log,
  });
  const boundPort = await port.listen(host, options.port);
  let closed: Promise<void> | undefined;

  return {
    url: `http://${host.includes(":") ? `[${host}]` : host}:${boundPort}`,
    port: boundPort,
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
