import { connect as connectTcp, isIP, type Socket } from "node:net";
import { connect as connectTls } from "node:tls";
import { buildConnector } from "undici";
import type { AddressGuard } from "./address-guard.ts";

/** How a channel's connections are made. */
export interface GuardedConnectOptions {
  guard: AddressGuard;
  /** Longest time for connecting, name lookup and TLS handshake included, in milliseconds. */
  timeoutMs: number;
  /** Certificates (PEM) to trust instead of Node's own list. Verification cannot be switched off. */
  ca?: string;
}

/** Undici's connector, to allowed addresses only. HTTP/1.1 alone is offered. */
export function createGuardedConnector({
  guard,
  timeoutMs,
  ca,
}: GuardedConnectOptions): buildConnector.connector {
  const connect = buildConnector({
    lookup: guard.lookup,
    timeout: timeoutMs,
    allowH2: false,
    ...(ca !== undefined && { ca }),
  });
  return (options, callback) => {
    try {
      // Node asks no lookup function about a literal address.
      guard.assertHost(options.hostname);
    } catch (error) {
      callback(error as Error, null);
      return;
    }
    connect(options, callback);
  };
}

/**
 * Opens one connection to an allowed address, with TLS from the first byte when
 * `tls`. Rejects with what Node.js reports, or with AddressRefused.
 */
export async function openGuardedSocket(
  { host, port, tls }: { host: string; port: number; tls: boolean },
  { guard, timeoutMs, ca }: GuardedConnectOptions,
): Promise<Socket> {
  guard.assertHost(host);
  const target = { host, port, lookup: guard.lookup };
  const socket = tls
    ? connectTls({ ...target, ...(!isIP(host) && { servername: host }), ...(ca !== undefined && { ca }) })
    : connectTcp(target);
  const { promise, resolve, reject } = Promise.withResolvers<Socket>();
  const timer = setTimeout(() => {
    socket.destroy(Object.assign(new Error("Connecting timed out"), { code: "ETIMEDOUT" }));
  }, timeoutMs);
  socket.once(tls ? "secureConnect" : "connect", () => resolve(socket)).once("error", reject);
  socket.once("close", () => reject(Object.assign(new Error("Closed"), { code: "ECONNRESET" })));
  try {
    return await promise;
  } finally {
    clearTimeout(timer);
  }
}
