/** Time-outs of HTTP/1.1 connections, by the names of Node's options. */
export function http1Limits(receiveTimeoutMs: number) {
  return {
    headersTimeout: Math.min(15_000, receiveTimeoutMs),
    requestTimeout: receiveTimeoutMs,
    connectionsCheckingInterval: 1000,
    keepAliveTimeout: 65_000, // more than load balancers' usual 60 s, so that they close first
    keepAlive: true,
  };
}

/** What an HTTP/2 client may ask of one connection. */
export const http2Limits = {
  settings: { maxConcurrentStreams: 256, initialWindowSize: 256 * 1024, maxHeaderListSize: 16 * 1024 },
  maxHeaderListPairs: 128,
};
