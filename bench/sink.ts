import { createServer, type Socket } from "node:net";
import { nowMs } from "./clock.ts";
import { servePeer } from "./peer.ts";

/** What is expected to arrive. */
export interface Expectation {
  /** Events of the run are called `<tag>-<index>`. */
  tag: string;
  events: number;
  /** Paths `/0` to `/<fanout - 1>` get each event. */
  fanout: number;
}

export interface Arrivals {
  /** When each notice arrived first, in milliseconds of the monotonic clock; NaN: never. Event after event, path after path. */
  arrivedAt: Float64Array;
  /** Notices that arrived again. */
  duplicates: number;
}

export type SinkMethods = {
  listen(_: undefined): Promise<number>;
  expect(expectation: Expectation): Promise<void>;
  /** Resolves when all has arrived, or nothing has for `idleMs`. */
  arrived(options: { idleMs: number }): Promise<Arrivals>;
};

const answer = Buffer.from("HTTP/1.1 200 OK\r\nContent-Length: 2\r\n\r\nok");
const endOfHead = Buffer.from("\r\n\r\n");
const idMark = Buffer.from('"request_id":"');
const quote = 0x22;

let expectation: Expectation = { tag: "", events: 0, fanout: 1 };
let arrivals: Arrivals = { arrivedAt: new Float64Array(), duplicates: 0 };
let missing = 0;
let lastArrivalAt = 0;

/**
 * An endpoint that answers every POST at once. It speaks just enough HTTP/1.1 for
 * clients that keep connections alive and tell the length of their bodies, since
 * the sink must cost less than what is measured.
 */
const server = createServer({ noDelay: true }, (socket) => {
  let rest: Buffer = Buffer.alloc(0);
  socket.on("data", (chunk) => {
    rest = takeRequests(socket, rest.length === 0 ? chunk : Buffer.concat([rest, chunk]));
  });
  // Clients that are killed in the middle are their sides' business.
  socket.on("error", () => socket.destroy());
});

function takeRequests(socket: Socket, bytes: Buffer): Buffer {
  let at = 0;
  while (at < bytes.length) {
    const headEnd = bytes.indexOf(endOfHead, at);
    if (headEnd < 0) break;
    const head = bytes.toString("latin1", at, headEnd);
    const length = /\r\ncontent-length: *(\d+)/i.exec(head)?.[1];
    if (length === undefined) {
      socket.end("HTTP/1.1 411 Length Required\r\nConnection: close\r\n\r\n");
      break;
    }
    const bodyStart = headEnd + endOfHead.length;
    const bodyEnd = bodyStart + Number(length);
    if (bodyEnd > bytes.length) break;
    note(head.charCodeAt("POST /".length) - 48, bytes.subarray(bodyStart, bodyEnd));
    socket.write(answer);
    at = bodyEnd;
  }
  return bytes.subarray(at);
}

function note(path: number, body: Buffer): void {
  lastArrivalAt = nowMs();
  const idStart = body.indexOf(idMark) + idMark.length;
  const id = body.toString("latin1", idStart, body.indexOf(quote, idStart));
  const dash = id.lastIndexOf("-");
  // Of an earlier run.
  if (id.slice(0, dash) !== expectation.tag) return;
  const index = Number(id.slice(dash + 1)) * expectation.fanout + path;
  if (!Number.isNaN(arrivals.arrivedAt[index])) {
    arrivals.duplicates++;
    return;
  }
  arrivals.arrivedAt[index] = lastArrivalAt;
  missing--;
}

servePeer<SinkMethods>({
  listen: () =>
    new Promise((resolve) => {
      server.listen(0, "127.0.0.1", () => {
        const address = server.address();
        resolve(typeof address === "object" && address ? address.port : 0);
      });
    }),

  async expect(expected) {
    expectation = expected;
    missing = expected.events * expected.fanout;
    arrivals = { arrivedAt: new Float64Array(missing).fill(Number.NaN), duplicates: 0 };
    lastArrivalAt = nowMs();
  },

  arrived: ({ idleMs }) =>
    new Promise((resolve) => {
      const started = nowMs();
      const timer = setInterval(() => {
        const idleFor = nowMs() - Math.max(started, lastArrivalAt);
        if (missing > 0 && idleFor < idleMs) return;
        clearInterval(timer);
        resolve(arrivals);
      }, 5);
    }),
});
