import { type ClientHttp2Session, connect as connectHttp2 } from "node:http2";
import { connect as connectTcp } from "node:net";
import { Pool } from "undici";
import type { FuzzRequest } from "./requests.ts";

/** How a request ended: what was answered in a few words, and what is wrong with that. */
export interface Outcome {
  answer: string;
  wrong?: string;
}

export interface Sender {
  send(request: FuzzRequest): Promise<Outcome>;
  close(): Promise<void>;
}

/** How long an answer may take, in milliseconds. */
const patienceMs = 20_000;
/** When an answer without an end is left, in milliseconds. */
const endlessMs = 200;
const rawPatienceMs = 300;

/** What may be answered with 5xx: not implemented, unavailable, deadline (the client's own), HTTP version. */
const allowedStatuses = [501, 503, 504, 505];
/** Unknown, internal, data loss. */
const wrongGrpcStatuses = ["2", "13", "15"];

export function createSender(url: string): Sender {
  const { hostname, port } = new URL(url);
  const pool = new Pool(url, { connections: 16, bodyTimeout: patienceMs, headersTimeout: patienceMs });
  let session: ClientHttp2Session | undefined;

  return {
    async send(request) {
      if (request.kind === "raw") return sendRaw(Number(port), hostname, request.body);
      try {
        return await (request.kind === "grpc" ? sendGrpc(request) : sendHttp(request));
      } catch (error) {
        return {
          answer: `not sent or broken off: ${(error as NodeJS.ErrnoException).code ?? (error as Error).name}`,
        };
      }
    },
    async close() {
      session?.destroy();
      await pool.destroy();
    },
  };

  async function sendHttp({ kind, method, path, headers, body, endless }: FuzzRequest): Promise<Outcome> {
    const answer = await pool.request({
      method: method as "GET",
      path,
      // undici says for itself how the connection goes on.
      headers: Object.fromEntries(
        Object.entries(headers).filter(([name]) => !["te", "expect"].includes(name)),
      ),
      ...(body.length > 0 && { body }),
      ...(endless && { signal: AbortSignal.timeout(endlessMs) }),
    });
    const text = await answer.body.text();
    const status = kind === "grpc-web" ? grpcStatusIn(text, answer.headers["grpc-status"]) : undefined;
    return judge(answer.statusCode, status, text);
  }

  function sendGrpc({ path, headers, body, endless }: FuzzRequest): Promise<Outcome> {
    return new Promise((resolve, reject) => {
      const stream = openSession().request({ ":method": "POST", ":path": path, ...withoutHost(headers) });
      const timer = setTimeout(
        () => {
          stream.close();
          resolve({ answer: "stays open", ...(!endless && { wrong: "no answer in time" }) });
        },
        endless ? endlessMs : patienceMs,
      );
      let httpStatus = 0;
      let grpcStatus: string | undefined;
      let text = "";
      stream.on("response", (received) => {
        httpStatus = Number(received[":status"]);
        grpcStatus = received["grpc-status"] as string | undefined;
      });
      stream.on("trailers", (received) => {
        grpcStatus = (received["grpc-status"] as string | undefined) ?? grpcStatus;
      });
      stream.setEncoding("latin1").on("data", (chunk: string) => {
        text += chunk;
      });
      stream.on("error", reject).on("close", () => {
        clearTimeout(timer);
        resolve(judge(httpStatus, grpcStatus, text));
      });
      stream.end(body);
    });
  }

  function openSession(): ClientHttp2Session {
    if (session && !session.closed && !session.destroyed) return session;
    session = connectHttp2(url);
    session.on("error", () => session?.destroy()).setMaxListeners(0);
    return session;
  }
}

function judge(status: number, grpcStatus: string | undefined, text: string): Outcome {
  const answer = grpcStatus === undefined ? `HTTP ${status}` : `HTTP ${status} grpc ${grpcStatus}`;
  const isWrong =
    (status >= 500 && !allowedStatuses.includes(status)) ||
    (grpcStatus !== undefined && wrongGrpcStatuses.includes(grpcStatus));
  return isWrong ? { answer, wrong: text.slice(0, 500) } : { answer };
}

/** In gRPC-Web the trailers are the last part of the body. */
function grpcStatusIn(body: string, header: string | string[] | undefined): string | undefined {
  if (typeof header === "string") return header;
  return /grpc-status: ?(\d+)/i.exec(body)?.[1];
}

function withoutHost({
  host: _host,
  expect: _expect,
  ...headers
}: Record<string, string>): Record<string, string> {
  return headers;
}

/** Sends bytes as they are; what counts is the first line of the answer, if one comes. */
function sendRaw(port: number, host: string, bytes: Buffer): Promise<Outcome> {
  return new Promise((resolve) => {
    const socket = connectTcp(port, host);
    const timer = setTimeout(() => end("raw: no answer"), rawPatienceMs);
    socket.once("data", (data) => {
      const status = Number(/^HTTP\/1\.1 (\d{3})/.exec(data.toString("latin1"))?.[1]);
      const { wrong } = judge(status, undefined, data.toString("latin1"));
      end(`raw: ${status}`, wrong);
    });
    socket.on("error", () => end("raw: reset")).on("close", () => end("raw: closed"));
    socket.write(bytes);

    function end(answer: string, wrong?: string): void {
      clearTimeout(timer);
      socket.destroy();
      resolve({ answer, ...(wrong !== undefined && { wrong }) });
    }
  });
}
