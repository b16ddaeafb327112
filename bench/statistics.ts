/** The value below which the share `p` (0 to 1) of the values lies (nearest rank); NaN of none. */
export function percentile(values: number[], p: number): number {
  const sorted = values.toSorted((a, b) => a - b);
  return sorted[Math.max(0, Math.ceil(p * sorted.length) - 1)] ?? Number.NaN;
}

/** Of an even number of values the lower middle one, so that it is a value that was seen. */
export function median(values: number[]): number {
  return percentile(values, 0.5);
}

export interface Percentiles {
  p50: number;
  p99: number;
  p999: number;
}

export function percentiles(values: number[]): Percentiles {
  return { p50: percentile(values, 0.5), p99: percentile(values, 0.99), p999: percentile(values, 0.999) };
}
