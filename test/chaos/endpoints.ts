import { createServer, type IncomingMessage, type ServerResponse } from "node:http";
import { createServer as createTlsServer } from "node:https";
import type { AddressInfo, Socket } from "node:net";
import { makeCertificates } from "../sinks/certificates.ts";

/** What an endpoint does with a request; "good" is the only one that takes every notice at once. */
export const behaviours = [
  "good",
  "also-good",
  "error-500",
  "hang",
  "reset",
  "slow-bytes",
  "huge-body",
  "redirect",
  "tls-error",
  "busy-429",
  "flaky",
  "gone-410",
] as const;

export type Behaviour = (typeof behaviours)[number];

/** What an endpoint saw of one delivery. */
export interface Seen {
  behaviour: Behaviour;
  requests: number;
  /** Requests that were answered with success, in full. */
  taken: number;
}

export interface Endpoints {
  urlOf(behaviour: Behaviour): string;
  /** By webhook-id. */
  seen: ReadonlyMap<string, Seen>;
  /** Requests to where the redirect points: nobody may follow it. */
  followed(): number;
  close(): Promise<void>;
}

type Answer = { status: number; headers?: Record<string, string>; body?: string } | "hang" | "reset" | "drip";

const taken = { status: 200 };

const answers: Record<Behaviour, Answer | ((chance: Chance) => Answer)> = {
  good: taken,
  "also-good": taken,
  "error-500": { status: 500 },
  hang: "hang",
  reset: "reset",
  "slow-bytes": "drip",
  "huge-body": { status: 200, body: "x".repeat(1_000_000) },
  redirect: { status: 307, headers: { location: "/followed" } },
  "tls-error": "hang",
  "busy-429": (chance) => (chance(0.5) ? { status: 429, headers: { "retry-after": "1" } } : taken),
  flaky: (chance) => (chance(0.3) ? { status: 503 } : taken),
  "gone-410": { status: 410 },
};

type Chance = (probability: number) => boolean;

/** Starts endpoints on loopback that misbehave each in its own way and keep count of what they got. */
export async function startEndpoints(chance: Chance): Promise<Endpoints> {
  const seen = new Map<string, Seen>();
  const sockets = new Set<Socket>();
  let followed = 0;

  function onRequest(request: IncomingMessage, response: ServerResponse): void {
    request.resume();
    // Clients that go away in the middle are part of the programme.
    request.on("error", () => undefined);
    request.on("end", () => {
      const name = (request.url ?? "").slice(1);
      const behaviour = behaviours.find((known) => known === name);
      if (!behaviour) followed++;
      else react(behaviour, note(behaviour, String(request.headers["webhook-id"])), response);
    });
  }

  function note(behaviour: Behaviour, id: string): Seen {
    const entry = seen.get(id) ?? { behaviour, requests: 0, taken: 0 };
    entry.requests++;
    seen.set(id, entry);
    return entry;
  }

  function react(behaviour: Behaviour, entry: Seen, response: ServerResponse): void {
    const answer = answers[behaviour];
    const reply = typeof answer === "function" ? answer(chance) : answer;
    if (reply === "hang") return;
    if (reply === "reset") response.socket?.resetAndDestroy();
    else if (reply === "drip") drip(response);
    else {
      if (reply.status === 200) entry.taken++;
      response.writeHead(reply.status, reply.headers).end(reply.body ?? "ok");
    }
  }

  const plain = createServer(onRequest);
  // Signed by an authority that nobody knows.
  const secure = createTlsServer(makeCertificates(), onRequest);
  for (const server of [plain, secure]) {
    server.keepAliveTimeout = 60_000;
    server.on("connection", (socket: Socket) => {
      sockets.add(socket);
      socket.on("close", () => sockets.delete(socket));
    });
    await new Promise<void>((resolve) => server.listen(0, "127.0.0.1", resolve));
  }
  const portOf = (server: typeof plain) => (server.address() as AddressInfo).port;

  return {
    urlOf: (behaviour) =>
      behaviour === "tls-error"
        ? `https://127.0.0.1:${portOf(secure)}/${behaviour}`
        : `http://127.0.0.1:${portOf(plain)}/${behaviour}`,
    seen,
    followed: () => followed,
    async close() {
      const closed = [plain, secure].map(
        (server) => new Promise<void>((resolve) => server.close(() => resolve())),
      );
      for (const socket of sockets) socket.destroy();
      await Promise.all(closed);
    },
  };
}

/** A success whose body never ends. */
function drip(response: ServerResponse): void {
  response.writeHead(200);
  const timer = setInterval(() => response.write("."), 100);
  response.on("close", () => clearInterval(timer));
}
