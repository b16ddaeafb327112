import type { Side } from "./side.ts";

/** What undici can post from one process with nothing between the event and the sink. */
export const limit: Side = {
  name: "limit",
  kind: "limit",
  durable: false,
  missing: () => [],
  start: async ({ sink }) => ({
    entries: [{ name: "undici", module: "direct", options: { sink }, batches: true }],
    close: async () => {},
  }),
};
