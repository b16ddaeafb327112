/** Upper bounds of the histogram's buckets in milliseconds; one more bucket has no bound. */
export const latencyBoundsMs = [
  5, 10, 20, 30, 50, 75, 100, 150, 200, 300, 500, 750, 1_000, 1_500, 2_000, 3_000, 5_000, 7_500, 10_000,
  15_000, 30_000, 60_000, 120_000, 300_000, 600_000, 1_800_000, 3_600_000, 7_200_000, 21_600_000, 86_400_000,
] as const;

/**
 * The time within which the given part of all (0 to 1) ended, in milliseconds,
 * interpolated within its bucket; beyond the last bound that bound. Undefined
 * without any. `counts`: of each bucket, by its index.
 */
export function percentileMs(counts: ReadonlyMap<number, number>, part: number): number | undefined {
  const total = [...counts.values()].reduce((sum, count) => sum + count, 0);
  if (total === 0) return undefined;
  let before = 0;
  for (let bucket = 0; bucket < latencyBoundsMs.length; bucket++) {
    const count = counts.get(bucket) ?? 0;
    if (count > 0 && before + count >= part * total) {
      const from = latencyBoundsMs[bucket - 1] ?? 0;
      const to = latencyBoundsMs[bucket] ?? from;
      return from + ((to - from) * (part * total - before)) / count;
    }
    before += count;
  }
  return latencyBoundsMs.at(-1);
}
