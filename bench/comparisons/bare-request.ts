import { findMeasurement } from "../results.ts";
import type { Comparer } from "./comparison.ts";

/** What the way through the service adds to a request of one's own. */
export const bareRequest: Comparer = {
  name: "bare-request",
  missing: (results) =>
    ["limit", "service"]
      .filter((name) => !results.some(({ side }) => side === name))
      .map((name) => `side ${name}`),
  async compare({ options, results }) {
    const bare = findMeasurement(results, "limit", "undici, dispatch", "steady");
    const service = findMeasurement(results, "service", "gRPC streams", "steady");
    if (!bare || !service) throw new Error("The steady load was not measured");
    const reference = { label: "bare request", value: bare.acknowledgement.p99 };
    const at = `p99 at ${options.rate} events/s`;
    return [
      {
        what: `${at}, from acknowledgement to arrival`,
        unit: "ms",
        subject: { label: "service", value: service.delivery.p99 },
        reference,
      },
      {
        what: `${at}, from the call to arrival`,
        unit: "ms",
        subject: { label: "service", value: service.endToEnd.p99 },
        reference,
      },
    ];
  },
};
