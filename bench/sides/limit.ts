import type { Side } from "./side.ts";

/**
 * What undici can post from one process with nothing between the event and the sink: in its
 * leanest way, which ratios go by, and in the way that its documentation begins with.
 */
export const limit: Side = {
  name: "limit",
  kind: "limit",
  durable: false,
  missing: () => [],
  start: async ({ sink }) => ({
    entries: [
      { name: "undici, dispatch", module: "undici-dispatch", options: { sink } },
      { name: "undici, request", module: "undici-request", options: { sink } },
    ],
    close: async () => {},
  }),
};
