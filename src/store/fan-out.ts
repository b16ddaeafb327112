import type { Ingested, NewEvent } from "./ingest.ts";

/** How many deliveries an event becomes, judged by the last one of its tenant and type. */
export interface FanOut {
  of(event: NewEvent): number;
  learn(events: NewEvent[], results: Ingested[]): void;
}

/** Tenants and types that are remembered. */
const maxKnown = 50_000;

/** `most`: what is expected where nothing is known yet. */
export function createFanOut(most: number): FanOut {
  const known = new Map<string, number>();

  return {
    of: (event) => known.get(keyOf(event)) ?? most,
    learn(events, results) {
      results.forEach((result, index) => {
        const event = events[index];
        // What an event that is sent again became long ago tells nothing about the channels of now.
        if (event && result.kind === "accepted") known.set(keyOf(event), result.deliveries);
      });
      if (known.size > maxKnown) known.clear();
    },
  };
}

function keyOf({ tenantId, type }: NewEvent): string {
  return `${tenantId} ${type}`;
}
