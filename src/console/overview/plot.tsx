import { type ReactNode, useEffect, useRef, useState } from "react";
import { useTimes } from "../app/times.tsx";
import type { Bucket } from "./buckets.ts";
import { ticks } from "./scale.ts";

/** The room that a plot has for its data, and how values become places in it. */
export interface PlotArea {
  /** Of one bucket, in pixels. */
  step: number;
  x(index: number): number;
  y(value: number): number;
}

interface PlotProps {
  title: string;
  buckets: Bucket[];
  max: number;
  label(value: number): string;
  /** Draws the data. */
  children(area: PlotArea): ReactNode;
}

const height = 180;
const margin = { top: 10, right: 8, bottom: 24, left: 52 };

/** Axes around a plot. Screen readers get the table that stands beside it instead. */
export function Plot({ title, buckets, max, label, children }: PlotProps) {
  const [box, width] = useWidth();
  const lines = ticks(max);
  const top = lines.at(-1) ?? 1;
  const innerWidth = Math.max(width - margin.left - margin.right, 1);
  const innerHeight = height - margin.top - margin.bottom;
  const step = innerWidth / Math.max(buckets.length, 1);
  const area: PlotArea = {
    step,
    x: (index) => margin.left + index * step,
    y: (value) => margin.top + innerHeight * (1 - value / top),
  };
  return (
    <div ref={box} className="plot">
      {width > 0 && (
        <svg
          width={width}
          height={height}
          role="img"
          aria-label={`${title}; the table below has the numbers`}
        >
          {lines.map((value) => (
            <g key={value}>
              <line
                className="grid"
                x1={margin.left}
                x2={width - margin.right}
                y1={area.y(value)}
                y2={area.y(value)}
              />
              <text className="axis" x={margin.left - 8} y={area.y(value) + 4} textAnchor="end">
                {label(value)}
              </text>
            </g>
          ))}
          {children(area)}
          <TimeAxis buckets={buckets} area={area} width={innerWidth} />
        </svg>
      )}
    </div>
  );
}

function TimeAxis({ buckets, area, width }: { buckets: Bucket[]; area: PlotArea; width: number }) {
  const { style } = useTimes();
  const every = Math.max(1, Math.ceil(buckets.length / Math.max(2, Math.floor(width / 90))));
  return buckets.map(({ startMs }, index) =>
    index % every === 0 ? (
      <text key={startMs} className="axis" x={area.x(index)} y={height - 6}>
        {bucketText(startMs, buckets, style === "utc")}
      </text>
    ) : null,
  );
}

/** The hour where the buckets are short, else the day. */
export function bucketText(startMs: number, buckets: Bucket[], utc: boolean): string {
  const span = (buckets.at(-1)?.startMs ?? 0) - (buckets[0]?.startMs ?? 0);
  const zone = utc ? { timeZone: "UTC" } : {};
  const parts: Intl.DateTimeFormatOptions =
    span > 172_800_000
      ? { month: "short", day: "numeric" }
      : { hour: "2-digit", minute: "2-digit", hourCycle: "h23" };
  return new Intl.DateTimeFormat("en-GB", { ...parts, ...zone }).format(startMs);
}

function useWidth() {
  const box = useRef<HTMLDivElement>(null);
  const [width, setWidth] = useState(0);
  useEffect(() => {
    if (!box.current) return;
    const observer = new ResizeObserver(([entry]) => setWidth(Math.floor(entry?.contentRect.width ?? 0)));
    observer.observe(box.current);
    return () => observer.disconnect();
  }, []);
  return [box, width] as const;
}
