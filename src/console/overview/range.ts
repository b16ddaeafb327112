/** A stretch of time that the overview can show. */
export interface Range {
  name: string;
  label: string;
  bucket: "minute" | "hour" | "day";
  ms: number;
}

const hourMs = 3_600_000;

export const ranges: Range[] = [
  { name: "hour", label: "1 hour", bucket: "minute", ms: hourMs },
  { name: "day", label: "24 hours", bucket: "hour", ms: 24 * hourMs },
  { name: "week", label: "7 days", bucket: "hour", ms: 168 * hourMs },
  { name: "month", label: "30 days", bucket: "day", ms: 720 * hourMs },
];

/** The day where the address names none, or one that does not exist. */
export function rangeOf(name: string | null): Range {
  const found = ranges.find((range) => range.name === name) ?? ranges[1];
  if (!found) throw new Error("There is no range");
  return found;
}
