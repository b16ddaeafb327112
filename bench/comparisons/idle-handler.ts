import { loadsOf, measureRepeatedly } from "../loads.ts";
import { startPeer } from "../peer.ts";
import type { Entry } from "../sides/side.ts";
import type { BareHandlerMethods } from "../workers/bare-handler.ts";
import type { Comparer, Comparison } from "./comparison.ts";

/** How much of what Connect can acknowledge the service does acknowledge, while it stores and delivers. */
export const idleHandler: Comparer = {
  name: "idle-handler",
  missing: (results) => (results.some(({ side }) => side === "service") ? [] : ["side service"]),
  async compare({ instruments, options, results }) {
    const server = startPeer<BareHandlerMethods>("workers/bare-handler.ts");
    try {
      const url = `http://127.0.0.1:${await server.call("listen", undefined)}`;
      const comparisons: Comparison[] = [];
      for (const { side, entry, module, loads } of results) {
        // REST is not Connect's: there is nothing of it to put beside.
        if (side !== "service" || module === "rest") continue;
        for (const name of ["single", "batch"] as const) {
          const way: Entry = { name: entry, module, options: { url, apiKey: "none", tenantId: "none" } };
          const load = { ...loadsOf(options)[name], delivered: false };
          const idle = await measureRepeatedly(instruments, way, load, options.repeat);
          comparisons.push({
            what: `acknowledged, ${entry}, ${load.batch} a call`,
            unit: "events/s",
            subject: { label: "service", value: loads[name].acknowledgedPerSecond },
            reference: { label: "a handler that does nothing", value: idle.acknowledgedPerSecond },
          });
        }
      }
      return comparisons;
    } finally {
      await server.close();
    }
  },
};
