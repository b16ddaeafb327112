import { once } from "node:events";
import { createServer as createHttp1Server } from "node:http";
import { createServer as createHttp2Server } from "node:http2";
import type { AddressInfo, Socket } from "node:net";
import type { Logger } from "pino";
import { withinMs } from "../async/within-ms.ts";
import type { HttpRequest, HttpResponse } from "./calls.ts";
import { http1Limits, http2Limits } from "./connection-limits.ts";
import { answerClientError } from "./http1-errors.ts";
import { createHttp2Sessions } from "./http2-sessions.ts";

export interface OnePortOptions {
  onRequest(request: HttpRequest, response: HttpResponse): void;
  /** Bound on receiving one HTTP/1.1 request, and on sending the first bytes of any, in milliseconds. */
  receiveTimeoutMs: number;
  log: Logger;
}

/** HTTP/1.1 and HTTP/2 with prior knowledge (h2c) on one listener. */
export interface OnePort {
  /** Resolves with the port; rejects when it cannot be had. */
  listen(host: string, port: number): Promise<number>;
  /** Refuses new connections and ends idle ones; those with open requests go on. */
  stop(): void;
  /**
   * After stop(): waits `ms` for the connections to end by themselves, ends the rest,
   * and resolves once all are closed.
   */
  close(ms: number): Promise<void>;
}

/** What an HTTP/2 client with prior knowledge sends first (RFC 9113, section 3.4). */
const preface = Buffer.from("PRI * HTTP/2.0\r\n\r\nSM\r\n\r\n");

export function createOnePort({ onRequest, receiveTimeoutMs, log }: OnePortOptions): OnePort {
  const sockets = new Set<Socket>();
  const undecided = new Set<Socket>();
  const sessions = createHttp2Sessions();
  // The HTTP/1.1 server is the listener, because its time-outs run only on one that listens.
  const http1 = createHttp1Server(http1Limits(receiveTimeoutMs), onRequest);
  const http2 = createHttp2Server(http2Limits, onRequest);
  const [takeHttp1] = http1.listeners("connection");
  http1.removeAllListeners("connection").on("connection", sniff);
  http1.on("clientError", answerClientError);
  http1.on("error", (error) => log.error({ error: error.message }, "listener failed"));
  http2.on("session", sessions.keep);
  http2.on("sessionError", (error) => log.debug({ error: error.message }, "HTTP/2 connection failed"));

  return {
    async listen(host, port) {
      await once(http1.listen({ host, port }), "listening");
      return (http1.address() as AddressInfo).port;
    },
    stop() {
      http1.close();
      for (const socket of undecided) socket.destroy();
      sessions.closeAll();
    },
    async close(ms) {
      const closed = new Promise<void>((resolve) => {
        http1.getConnections((_error, count) => (count > 0 ? http1.once("close", resolve) : resolve()));
      });
      http1.closeIdleConnections();
      await withinMs(ms, closed);
      for (const socket of sockets) socket.destroy();
      await closed;
    },
  };

  /** Hands a connection to the server that its first bytes ask for. */
  function sniff(socket: Socket): void {
    let seen: Buffer = Buffer.alloc(0);
    const tooLate = setTimeout(() => socket.destroy(), receiveTimeoutMs);
    sockets.add(socket);
    undecided.add(socket);
    // A connection that breaks before it said anything concerns nobody; later the servers listen too.
    socket.on("error", () => socket.destroy());
    socket.on("data", onData).on("end", onEnd);
    socket.once("close", () => {
      clearTimeout(tooLate);
      sockets.delete(socket);
      undecided.delete(socket);
    });

    function onEnd(): void {
      socket.destroy();
    }
    function onData(chunk: Buffer): void {
      seen = seen.length > 0 ? Buffer.concat([seen, chunk]) : chunk;
      const compared = Math.min(seen.length, preface.length);
      const isHttp2 = seen.compare(preface, 0, compared, 0, compared) === 0;
      if (isHttp2 && compared < preface.length) return;
      clearTimeout(tooLate);
      undecided.delete(socket);
      socket.off("data", onData).off("end", onEnd);
      socket.pause();
      socket.unshift(seen);
      if (isHttp2) {
        // A session does not notice the peer's FIN on a half-open socket. It starts
        // reading by itself; resume() here would lose bytes.
        socket.allowHalfOpen = false;
        http2.emit("connection", socket);
      } else {
        takeHttp1?.call(http1, socket);
        socket.resume();
      }
    }
  }
}
