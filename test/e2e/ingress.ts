import { once } from "node:events";
import {
  connect,
  createServer,
  type IncomingHttpHeaders,
  type ServerHttp2Session,
  type ServerHttp2Stream,
} from "node:http2";
import type { AddressInfo } from "node:net";

/** What stands before the service in a cluster: it passes calls on, or answers them by itself. */
export interface Ingress {
  /** Host and port. */
  readonly address: string;
  /** The HTTP status that calls are answered with, with a page as proxies have it; undefined: they pass. */
  status: number | undefined;
  /** Calls with a longer body are answered with 413. */
  maxBodyBytes: number;
  close(): Promise<void>;
}

/** Starts an HTTP/2 proxy before the service at `url`. */
export async function startIngress(url: string): Promise<Ingress> {
  const upstream = connect(url);
  const server = createServer();
  const sessions = new Set<ServerHttp2Session>();
  server.on("session", (session) => {
    sessions.add(session);
    session.once("close", () => sessions.delete(session));
  });
  server.on("stream", async (stream, headers) => {
    stream.on("error", () => {});
    const body = Buffer.concat(await stream.toArray());
    const status = body.length > ingress.maxBodyBytes ? 413 : ingress.status;
    if (status === undefined) return await passOn(stream, headers, body);
    stream.respond({ ":status": status, "content-type": "text/html" });
    stream.end(`<html><h1>${status}</h1></html>`);
  });
  await once(server.listen(0, "127.0.0.1"), "listening");

  async function passOn(stream: ServerHttp2Stream, headers: IncomingHttpHeaders, body: Buffer) {
    const onward = upstream.request(headers);
    onward.end(body);
    let trailers: IncomingHttpHeaders = {};
    onward.on("trailers", (received) => {
      trailers = received;
    });
    const [answer] = await once(onward, "response");
    const content = Buffer.concat(await onward.toArray());
    stream.on("wantTrailers", () => stream.sendTrailers(trailers));
    stream.respond(answer, { waitForTrailers: true });
    stream.end(content);
  }

  const ingress: Ingress = {
    address: `127.0.0.1:${(server.address() as AddressInfo).port}`,
    status: undefined,
    maxBodyBytes: Infinity,
    async close() {
      upstream.destroy();
      const closed = once(server, "close");
      server.close();
      for (const session of sessions) session.destroy();
      await closed;
    },
  };
  return ingress;
}
