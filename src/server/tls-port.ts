import { once } from "node:events";
import { createSecureServer } from "node:http2";
import type { AddressInfo } from "node:net";
import type { TLSSocket } from "node:tls";
import { withinMs } from "../async/within-ms.ts";
import { http1Limits, http2Limits } from "./connection-limits.ts";
import { answerClientError } from "./http1-errors.ts";
import { createHttp2Sessions } from "./http2-sessions.ts";
import type { OnePort, OnePortOptions } from "./one-port.ts";
import { readTlsFiles, type TlsFiles, tlsFilesVersion } from "./tls-files.ts";

export interface TlsPort extends OnePort {
  /** Reads the certificate anew, now. A pair that does not fit is logged and the one in use stays. */
  reload(): void;
}

/** How often the files are looked at, in milliseconds. */
const pollMs = 5_000;
const handshakeTimeoutMs = 10_000;

/**
 * HTTP/1.1 and HTTP/2 over TLS on one listener; ALPN decides. The certificate is
 * replaced when its files change; connections that are open stay so. Throws when the
 * files do not fit.
 */
export function createTlsPort(files: TlsFiles, options: OnePortOptions): TlsPort {
  const { onRequest, receiveTimeoutMs, log } = options;
  const sockets = new Set<TLSSocket>();
  const sessions = createHttp2Sessions();
  // Looked at before they are read, so that no change in between is missed.
  let version = tlsFilesVersion(files);
  const server = createSecureServer(
    {
      ...readTlsFiles(files),
      ...http2Limits,
      allowHTTP1: true,
      handshakeTimeout: Math.min(handshakeTimeoutMs, receiveTimeoutMs),
      requestCert: files.clientCaFile !== undefined,
      rejectUnauthorized: files.clientCaFile !== undefined,
    },
    onRequest,
  );
  // Node reads these when the server begins to listen, but its types know them of HTTP/1.1 alone.
  Object.assign(server, http1Limits(receiveTimeoutMs));
  server.on("secureConnection", (socket) => {
    sockets.add(socket);
    socket.once("close", () => sockets.delete(socket));
  });
  server.on("clientError", (error, socket) => {
    // A failed handshake comes this way too, and who does not speak TLS is told nothing.
    const isHttp = "code" in error && /^(HPE_|ERR_HTTP_)/.test(String(error.code));
    if (isHttp) answerClientError(error, socket);
    else socket.destroy();
  });
  server.on("error", (error) => log.error({ error: error.message }, "listener failed"));
  server.on("session", sessions.keep);
  server.on("sessionError", (error) => log.debug({ error: error.message }, "HTTP/2 connection failed"));

  let timer: NodeJS.Timeout | undefined;

  return {
    async listen(host, port) {
      await once(server.listen({ host, port }), "listening");
      timer = setInterval(reloadWhenChanged, pollMs).unref();
      return (server.address() as AddressInfo).port;
    },
    reload,
    stop() {
      clearInterval(timer);
      // Ends idle HTTP/1.1 connections too.
      server.close();
      sessions.closeAll();
    },
    async close(ms) {
      await withinMs(ms, allClosed());
      // Those that have not finished their handshake end with its time-out.
      for (const socket of sockets) socket.destroy();
      await allClosed();
    },
  };

  function reloadWhenChanged(): void {
    const known = version;
    version = tlsFilesVersion(files);
    if (known !== version) reload();
  }

  function reload(): void {
    try {
      server.setSecureContext(readTlsFiles(files));
      log.info("certificate loaded");
    } catch (error) {
      log.error({ error: (error as Error).message }, "certificate not loaded, the one before stays in use");
    }
  }

  async function allClosed(): Promise<void> {
    await Promise.all([...sockets].map((socket) => new Promise((resolve) => socket.once("close", resolve))));
  }
}
