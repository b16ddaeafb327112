import { timestampFromDate } from "@bufbuild/protobuf/wkt";
import type { ServiceImpl } from "@connectrpc/connect";
import type {
  GetDeliveryStatisticsRequest,
  StatisticsService,
} from "../../gen/jitsudo/notifications/v1/statistics_pb.js";
import { percentileMs } from "../store/latency.ts";
import { type Grouping, minutesKeptMs, type StatisticsPoint } from "../store/statistics.ts";
import type { Store } from "../store/store.ts";
import { storeOf } from "./caller.ts";
import { invalidField } from "./errors.ts";
import { momentOf } from "./moment.ts";

const bucketLengths: Record<string, number> = { minute: 60, hour: 3_600, day: 86_400 };
const maxBuckets = 3_000;
const dayMs = 86_400_000;

export function createStatisticsService(store: Store): ServiceImpl<typeof StatisticsService> {
  return {
    async getDeliveryStatistics(request, context) {
      const bucketSeconds = bucketLengths[request.bucket || "hour"] ?? 3_600;
      const { since, until } = rangeOf(request, bucketSeconds * 1000);
      const points = await storeOf(store, context).statistics({
        since,
        until,
        bucketSeconds,
        groupBy: request.groupBy.length > 0 ? (request.groupBy as Grouping[]) : ["state"],
        channelId: request.channelId || undefined,
        eventType: request.eventType || undefined,
        state: request.state || undefined,
      });
      return {
        series: seriesOf(points),
        since: timestampFromDate(since),
        until: timestampFromDate(until),
        bucketSeconds,
      };
    },

    async getQueueStatus(_request, context) {
      const { oldestCreatedAt, ...counts } = await storeOf(store, context).queueStatus();
      return { ...counts, ...(oldestCreatedAt && { oldestCreatedAt: timestampFromDate(oldestCreatedAt) }) };
    },
  };
}

/** The whole days of the years that a time may be of: what is beyond cannot be written. */
const firstMs = Date.parse("0001-01-01T00:00:00Z");
const lastMs = Date.parse("9999-12-31T00:00:00Z");

/** Whole buckets. Throws invalid_argument for a range that is empty, too long or not kept. */
function rangeOf({ since, until, bucket }: GetDeliveryStatisticsRequest, bucketMs: number) {
  const now = Date.now();
  const end = Math.min(Math.ceil((until ? momentOf(until).getTime() : now) / bucketMs) * bucketMs, lastMs);
  const start = Math.max(
    Math.floor((since ? momentOf(since).getTime() : end - dayMs) / bucketMs) * bucketMs,
    firstMs,
  );
  if (start >= end) throw invalidField("since", "must be before until");
  if ((end - start) / bucketMs > maxBuckets) {
    throw invalidField("bucket", `must divide the time into at most ${maxBuckets}`);
  }
  if (bucket === "minute" && start < now - minutesKeptMs - bucketMs) {
    throw invalidField("since", "must be within the last 48 hours for minutes");
  }
  return { since: new Date(start), until: new Date(end) };
}

/** The points come ordered by group. */
function seriesOf(points: StatisticsPoint[]) {
  const groups = Map.groupBy(points, ({ channelId, eventType, state }) =>
    [channelId, eventType, state].join(" "),
  );
  return [...groups.values()].map((own) => ({
    channelId: own[0]?.channelId ?? "",
    eventType: own[0]?.eventType ?? "",
    state: own[0]?.state ?? "",
    points: own.map(({ startsAt, count, latencies }) => ({
      startsAt: timestampFromDate(startsAt),
      count,
      p50Ms: percentile(latencies, 0.5),
      p90Ms: percentile(latencies, 0.9),
      p95Ms: percentile(latencies, 0.95),
      p99Ms: percentile(latencies, 0.99),
    })),
  }));
}

function percentile(latencies: StatisticsPoint["latencies"], part: number): number {
  return Math.round(percentileMs(latencies, part) ?? 0);
}
