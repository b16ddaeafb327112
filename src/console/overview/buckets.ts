import { type Timestamp, timestampMs } from "@bufbuild/protobuf/wkt";
import type { GetDeliveryStatisticsResponse } from "../../../gen/jitsudo/notifications/v1/statistics_pb.js";

/** How deliveries ended, as the plot stacks them: from the ground up. */
export const outcomes = ["delivered", "deduplicated", "cancelled", "expired", "failed"] as const;

export type Outcome = (typeof outcomes)[number];

/** What ended within one stretch of time. */
export interface Bucket {
  startMs: number;
  counts: Record<Outcome, number>;
  /** Of those that were delivered; undefined: none was. */
  latency: { p50: number; p95: number; p99: number } | undefined;
}

/** One bucket for each stretch of the time, also where nothing ended. */
export function bucketsOf(answer: GetDeliveryStatisticsResponse): Bucket[] {
  const { series, since, until, bucketSeconds } = answer;
  const stepMs = bucketSeconds * 1000;
  const [start, end] = [ms(since), ms(until)];
  if (stepMs <= 0) return [];
  const buckets = Array.from({ length: Math.round((end - start) / stepMs) }, (_, index) =>
    emptyBucket(start + index * stepMs),
  );
  for (const { state, points } of series) {
    for (const { startsAt, count, p50Ms, p95Ms, p99Ms } of points) {
      const bucket = buckets[Math.floor((ms(startsAt) - start) / stepMs)];
      if (!bucket || !isOutcome(state)) continue;
      bucket.counts[state] += count;
      if (state === "delivered") bucket.latency = { p50: p50Ms, p95: p95Ms, p99: p99Ms };
    }
  }
  return buckets;
}

export function totalsOf(buckets: Bucket[]): Record<Outcome, number> {
  const totals = noCounts();
  for (const { counts } of buckets) {
    for (const outcome of outcomes) totals[outcome] += counts[outcome];
  }
  return totals;
}

export function sumOf(counts: Record<Outcome, number>): number {
  return outcomes.reduce((sum, outcome) => sum + counts[outcome], 0);
}

function emptyBucket(startMs: number): Bucket {
  return { startMs, counts: noCounts(), latency: undefined };
}

function noCounts(): Record<Outcome, number> {
  return { delivered: 0, deduplicated: 0, cancelled: 0, expired: 0, failed: 0 };
}

function isOutcome(state: string): state is Outcome {
  return (outcomes as readonly string[]).includes(state);
}

function ms(timestamp: Timestamp | undefined): number {
  return timestamp ? timestampMs(timestamp) : 0;
}
