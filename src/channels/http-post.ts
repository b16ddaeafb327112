import { Agent, type buildConnector } from "undici";
import { aborted, HttpExchange, type PostResult } from "./http-exchange.ts";
import { parseUrl } from "./parsed-url.ts";

export interface HttpPosterOptions {
  /** Bound on a whole post, from the call to the last byte read, in milliseconds. */
  timeoutMs: number;
  /** How much of a response body is read, in bytes; a longer one costs the connection. */
  maxResponseBytes: number;
  /**
   * Connections per origin. Default: no limit, since channels that share an origin
   * must not wait for each other; the caller bounds the posts in flight.
   */
  connections?: number;
  /** How connections are made: options of undici's connector, or a connector of its own. */
  connect?: buildConnector.BuildOptions | buildConnector.connector;
}

export interface HttpPoster {
  /**
   * Posts once over a kept-alive HTTP/1.1 connection. Redirects are not followed.
   * `headers` are names and values in turn. Every failure is a result; nothing is
   * thrown.
   */
  post(url: string, headers: string[], body: string, signal: AbortSignal): Promise<PostResult>;
  /** Drops all connections; posts in flight end as errors. May be called more than once. */
  close(): Promise<void>;
}

export function createHttpPoster(options: HttpPosterOptions): HttpPoster {
  const { timeoutMs, maxResponseBytes, connections, connect } = options;
  const agent = new Agent({
    // The poster's own timer bounds the whole post, which undici's timers cannot:
    // they start anew with every chunk.
    headersTimeout: 0,
    bodyTimeout: 0,
    connectTimeout: timeoutMs,
    // An HTTP/2 session would be shared by all channels of an origin.
    allowH2: false,
    ...(connections !== undefined && { connections }),
    ...(connect !== undefined && { connect }),
  });

  return {
    post(url, headers, body, signal) {
      if (signal.aborted) return Promise.resolve(aborted);
      return new Promise((resolve) => {
        const target = parseUrl(url);
        if (!target) return resolve({ kind: "error", error: "invalid URL" });
        agent.dispatch(
          { origin: target.origin, path: target.pathname + target.search, method: "POST", headers, body },
          new HttpExchange(resolve, signal, timeoutMs, maxResponseBytes),
        );
      });
    },
    close: () => agent.destroy(),
  };
}
