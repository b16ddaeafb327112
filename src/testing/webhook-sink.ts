import { createServer, type IncomingHttpHeaders } from "node:http";
import type { AddressInfo } from "node:net";
import type { WebhookNotice } from "../webhooks/notice.ts";
import { parseNotice } from "../webhooks/parse-notice.ts";

/** A request as it arrived; `verifyWebhook({ ...request, secret })` checks its signature. */
export interface SinkRequest {
  method: string;
  /** Without the query. */
  path: string;
  headers: IncomingHttpHeaders;
  body: string;
  /** The notice in the body, unverified; undefined of anything else, for example a Slack message. */
  notice: WebhookNotice | undefined;
}

/** Takes what channels send, and keeps it for a test's assertions. */
export interface WebhookSink {
  /** Without a slash at the end; every path takes requests. */
  readonly url: string;
  /** Everything received so far, oldest first. */
  readonly requests: readonly SinkRequest[];
  /**
   * The first request, received already or still to come, that matches.
   *
   * @throws Error that tells what was received instead, after `timeoutMs` (default 10,000),
   * and at once what `matches` throws
   */
  waitFor(matches: (request: SinkRequest) => boolean, timeoutMs?: number): Promise<SinkRequest>;
  /** What all requests are answered with from now on; at first 200. */
  respondWith(status: number): void;
  /** Stops listening and breaks off what is open. */
  close(): Promise<void>;
}

/** Starts a webhook receiver in this process, on a free loopback port. */
export async function startWebhookSink(): Promise<WebhookSink> {
  const requests: SinkRequest[] = [];
  const watchers = new Set<(request: SinkRequest) => void>();
  let status = 200;
  const server = createServer(async (incoming, response) => {
    const chunks = await incoming.toArray().catch(() => undefined);
    // The sender broke off: nothing was received, and nobody is there to answer.
    if (!chunks) return;
    const body = Buffer.concat(chunks).toString("utf8");
    const [path = ""] = (incoming.url ?? "").split("?");
    const { method = "", headers } = incoming;
    const request = { method, path, headers, body, notice: parseNotice(body) };
    requests.push(request);
    response.writeHead(status, { "content-type": "text/plain" }).end("ok");
    for (const watch of watchers) watch(request);
  });
  await new Promise<void>((resolve) => server.listen(0, "127.0.0.1", resolve));
  const { port } = server.address() as AddressInfo;

  return {
    url: `http://127.0.0.1:${port}`,
    requests,
    async waitFor(matches, timeoutMs = 10_000) {
      const found = requests.find(matches);
      if (found) return found;
      return await new Promise((resolve, reject) => {
        const timer = setTimeout(() => {
          watchers.delete(watch);
          reject(new Error(`No such request within ${timeoutMs} ms. Received: ${describe(requests)}`));
        }, timeoutMs);
        const stop = () => {
          clearTimeout(timer);
          watchers.delete(watch);
        };
        const watch = (request: SinkRequest) => {
          try {
            if (!matches(request)) return;
            resolve(request);
          } catch (error) {
            reject(error);
          }
          stop();
        };
        watchers.add(watch);
      });
    },
    respondWith(newStatus) {
      status = newStatus;
    },
    async close() {
      const closed = new Promise<void>((resolve) => server.close(() => resolve()));
      server.closeAllConnections();
      await closed;
    },
  };
}

function describe(requests: SinkRequest[]): string {
  if (requests.length === 0) return "nothing";
  return requests
    .map(({ method, path, notice }) => `${method} ${path} ${notice?.type ?? "(no notice)"}`)
    .join(", ");
}
