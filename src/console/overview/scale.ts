/** Where the lines of an axis are: at most five, at round values, the last at or above `max`. */
export function ticks(max: number): number[] {
  if (max <= 0) return [0, 1];
  const rough = max / 4;
  const power = 10 ** Math.floor(Math.log10(rough));
  const step = Math.max(
    [1, 2, 2.5, 5, 10].map((n) => n * power).find((n) => n >= rough) ?? max,
    minStep(max),
  );
  return Array.from({ length: Math.ceil(max / step) + 1 }, (_, index) => index * step);
}

/** No count is half of one. */
function minStep(max: number): number {
  return max < 4 ? 1 : 0;
}

/** 1200 is "1.2k": an axis has little room. */
export function shortNumber(value: number): string {
  return new Intl.NumberFormat("en", { notation: "compact", maximumFractionDigits: 1 }).format(value);
}
