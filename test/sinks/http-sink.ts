import { createServer, type IncomingMessage, type ServerResponse } from "node:http";
import { createServer as createTlsServer } from "node:https";
import type { AddressInfo } from "node:net";
import { setTimeout as sleep } from "node:timers/promises";

/** A request as it arrived, once its body is complete. */
export interface SinkRequest {
  method: string;
  /** Without the query. */
  path: string;
  headers: IncomingMessage["headers"];
  body: string;
  receivedAt: Date;
}

/** What the sink does with one request. */
export type SinkReply =
  | { status?: number; headers?: Record<string, string>; body?: string; delayMs?: number }
  /** Takes the request and never answers. */
  | "hang"
  /** Takes the request and resets the connection. */
  | "reset"
  /** Answers with a body that never ends, a character at a time. */
  | { dripEveryMs: number; status?: number };

/** One reply for all requests, a list whose last entry repeats, or a function; `count` starts at 0. */
export type SinkScript =
  | SinkReply
  | SinkReply[]
  | ((request: SinkRequest, count: number) => SinkReply | Promise<SinkReply>);

export interface HttpSink {
  /** Without a slash at the end; every path is an endpoint of its own. */
  url: string;
  /** Everything received so far, oldest first. */
  requests: SinkRequest[];
  /** How many connections were ever accepted. */
  connections(): number;
  /** Requests that came to one path. */
  to(path: string): SinkRequest[];
  /** Sets what a path does from now on. Default of every path: 200 with "ok". */
  respond(path: string, script: SinkScript): void;
  /** Waits for a number of requests or for a condition. Throws after `timeoutMs` (default 10 s). */
  waitFor(condition: number | ((requests: SinkRequest[]) => boolean), timeoutMs?: number): Promise<void>;
  /** Resets all connections and stops listening. */
  close(): Promise<void>;
}

/** Starts a scriptable HTTP endpoint on a free loopback port; HTTPS when a key and a certificate are given. */
export async function startHttpSink(
  options: { tls?: { key: string; cert: string } } = {},
): Promise<HttpSink> {
  const requests: SinkRequest[] = [];
  const endpoints = new Map<string, { script: SinkScript; count: number }>();
  const waiters = new Set<() => void>();
  let accepted = 0;

  const onRequest = (incoming: IncomingMessage, response: ServerResponse) => {
    // A client that goes away is what many tests are about; the sink has nothing to add.
    incoming.on("error", () => undefined);
    const chunks: Buffer[] = [];
    incoming.on("data", (chunk: Buffer) => chunks.push(chunk));
    incoming.on("end", () => {
      const request = {
        method: incoming.method ?? "",
        path: (incoming.url ?? "").split("?", 1).join(),
        headers: incoming.headers,
        body: Buffer.concat(chunks).toString("utf8"),
        receivedAt: new Date(),
      };
      requests.push(request);
      const reply = nextReply(request);
      for (const check of waiters) check();
      void answer(reply, response);
    });
  };

  const server = options.tls ? createTlsServer(options.tls, onRequest) : createServer(onRequest);
  server.on("connection", () => accepted++);
  await new Promise<void>((resolve) => server.listen(0, "127.0.0.1", resolve));
  const { port } = server.address() as AddressInfo;

  function nextReply(request: SinkRequest): SinkReply | Promise<SinkReply> {
    const endpoint = endpoints.get(request.path);
    if (!endpoint) return {};
    const count = endpoint.count++;
    const { script } = endpoint;
    if (typeof script === "function") return script(request, count);
    return (Array.isArray(script) ? (script[count] ?? script.at(-1)) : script) ?? {};
  }

  return {
    url: `${options.tls ? "https" : "http"}://127.0.0.1:${port}`,
    requests,
    connections: () => accepted,
    to: (path) => requests.filter((request) => request.path === path),
    respond(path, script) {
      endpoints.set(path, { script, count: 0 });
    },
    waitFor(condition, timeoutMs = 10_000) {
      const holds = () =>
        typeof condition === "number" ? requests.length >= condition : condition(requests);
      return new Promise<void>((resolve, reject) => {
        const timer = setTimeout(() => {
          waiters.delete(check);
          reject(new Error(`The sink waited ${timeoutMs} ms in vain; it has ${requests.length} requests`));
        }, timeoutMs);
        const check = () => {
          if (!holds()) return;
          clearTimeout(timer);
          waiters.delete(check);
          resolve();
        };
        waiters.add(check);
        check();
      });
    },
    async close() {
      const closed = new Promise<void>((resolve) => server.close(() => resolve()));
      server.closeAllConnections();
      await closed;
    },
  };
}

async function answer(scripted: SinkReply | Promise<SinkReply>, response: ServerResponse): Promise<void> {
  const reply = await scripted;
  if (reply === "hang") return;
  if (reply === "reset") {
    response.socket?.resetAndDestroy();
    return;
  }
  if ("dripEveryMs" in reply) {
    response.writeHead(reply.status ?? 200);
    while (!response.destroyed) {
      response.write(".");
      await sleep(reply.dripEveryMs);
    }
    return;
  }
  if (reply.delayMs) await sleep(reply.delayMs);
  response.writeHead(reply.status ?? 200, reply.headers);
  response.end(reply.body ?? "ok");
}
