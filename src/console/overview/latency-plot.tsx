import { duration } from "../ui/time.tsx";
import type { Bucket } from "./buckets.ts";
import { bucketText, Plot, type PlotArea } from "./plot.tsx";

export const percentiles = ["p50", "p95", "p99"] as const;

type Percentile = (typeof percentiles)[number];

/** From the creation of a delivery to its arrival: lines. */
export function LatencyPlot({ buckets, utc }: { buckets: Bucket[]; utc: boolean }) {
  const max = Math.max(...buckets.map(({ latency }) => latency?.p99 ?? 0), 0);
  return (
    <Plot title="Time to delivery" buckets={buckets} max={max} label={duration}>
      {(area) => (
        <>
          {percentiles.map((name) => (
            <path key={name} className={`line ${name}`} d={pathOf(name, buckets, area)} />
          ))}
          {buckets.map((bucket, index) => {
            const { latency } = bucket;
            if (!latency) return null;
            const x = area.x(index + 0.5);
            return (
              <g key={bucket.startMs}>
                <title>{`${bucketText(bucket.startMs, buckets, utc)}: ${percentiles.map((name) => `${name} ${duration(latency[name])}`).join(", ")}`}</title>
                <rect
                  className="column"
                  x={area.x(index)}
                  y={area.y(max)}
                  width={area.step}
                  height={area.y(0) - area.y(max)}
                />
                {percentiles.map((name) => (
                  <circle key={name} className={`dot ${name}`} cx={x} cy={area.y(latency[name])} r="2" />
                ))}
              </g>
            );
          })}
        </>
      )}
    </Plot>
  );
}

/** A line ends where nothing was delivered. */
function pathOf(name: Percentile, buckets: Bucket[], { x, y }: PlotArea): string {
  let command = "M";
  return buckets
    .map(({ latency }, index) => {
      const part = latency ? `${command}${x(index + 0.5).toFixed(1)} ${y(latency[name]).toFixed(1)}` : "";
      command = latency ? "L" : "M";
      return part;
    })
    .join("");
}
