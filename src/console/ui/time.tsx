import { type Timestamp, timestampDate } from "@bufbuild/protobuf/wkt";
import { type TimeStyle, useTimes } from "../app/times.tsx";

/** A moment, as the user likes times to be told; the exact one on hover and focus. */
export function Time({ at, otherwise = "–" }: { at: Timestamp | undefined; otherwise?: string }) {
  const { style, now } = useTimes();
  if (!at) return <span className="muted">{otherwise}</span>;
  const date = timestampDate(at);
  const exact = `${exactTime(date, "local")} · ${exactTime(date, "utc")}`;
  return (
    <time dateTime={date.toISOString()} data-exact={exact}>
      {style === "relative" ? relativeTime(date, now) : exactTime(date, style)}
    </time>
  );
}

const relative = new Intl.RelativeTimeFormat("en", { numeric: "auto", style: "short" });

const steps = [
  { unit: "second", seconds: 1, below: 60 },
  { unit: "minute", seconds: 60, below: 3_600 },
  { unit: "hour", seconds: 3_600, below: 86_400 },
  { unit: "day", seconds: 86_400, below: 86_400 * 60 },
  { unit: "month", seconds: 86_400 * 30, below: Number.POSITIVE_INFINITY },
] as const;

export function relativeTime(date: Date, now: number): string {
  const seconds = (date.getTime() - now) / 1000;
  // The clock of the page stands still between two ticks.
  if (Math.abs(seconds) < 10) return "just now";
  const step = steps.find(({ below }) => Math.abs(seconds) < below) ?? steps[4];
  return relative.format(Math.round(seconds / step.seconds), step.unit);
}

export function exactTime(date: Date, style: Exclude<TimeStyle, "relative">): string {
  if (style === "utc") return `${date.toISOString().slice(0, 19).replace("T", " ")} UTC`;
  const pad = (number: number) => String(number).padStart(2, "0");
  const day = [date.getFullYear(), pad(date.getMonth() + 1), pad(date.getDate())].join("-");
  const time = [date.getHours(), date.getMinutes(), date.getSeconds()].map(pad).join(":");
  return `${day} ${time}`;
}

/** A length of time in the largest unit that keeps it readable. */
export function duration(ms: number): string {
  if (ms < 1_000) return `${Math.round(ms)} ms`;
  if (ms < 60_000) return `${(ms / 1_000).toFixed(ms < 10_000 ? 1 : 0)} s`;
  if (ms < 3_600_000) return `${Math.round(ms / 60_000)} min`;
  if (ms < 172_800_000) return `${(ms / 3_600_000).toFixed(1)} h`;
  return `${Math.round(ms / 86_400_000)} days`;
}
