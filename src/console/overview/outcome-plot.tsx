import { type Bucket, outcomes, sumOf } from "./buckets.ts";
import { bucketText, Plot } from "./plot.tsx";
import { shortNumber } from "./scale.ts";

/** How many deliveries ended, and how: bars that are stacked. */
export function OutcomePlot({ buckets, utc }: { buckets: Bucket[]; utc: boolean }) {
  const max = Math.max(...buckets.map(({ counts }) => sumOf(counts)), 0);
  return (
    <Plot title="Deliveries by outcome" buckets={buckets} max={max} label={shortNumber}>
      {({ x, y, step }) => (
        <>
          <defs>
            <pattern
              id="failed"
              width="6"
              height="6"
              patternUnits="userSpaceOnUse"
              patternTransform="rotate(45)"
            >
              <rect className="bar failed" width="6" height="6" />
              <rect className="hatch" width="2" height="6" />
            </pattern>
          </defs>
          {buckets.map((bucket, index) => {
            let below = 0;
            return (
              <g key={bucket.startMs}>
                <title>{tooltip(bucket, buckets, utc)}</title>
                {/* The whole column is there to be pointed at. */}
                <rect className="column" x={x(index)} y={y(max)} width={step} height={y(0) - y(max)} />
                {outcomes.map((outcome) => {
                  const count = bucket.counts[outcome];
                  if (count === 0) return null;
                  const [from, to] = [y(below), y(below + count)];
                  below += count;
                  return (
                    <rect
                      key={outcome}
                      className={`bar ${outcome}`}
                      fill={outcome === "failed" ? "url(#failed)" : undefined}
                      x={x(index) + step * 0.12}
                      y={to}
                      width={step * 0.76}
                      // Few among many are still to be seen.
                      height={Math.max(from - to, 1.5)}
                    />
                  );
                })}
              </g>
            );
          })}
        </>
      )}
    </Plot>
  );
}

function tooltip(bucket: Bucket, buckets: Bucket[], utc: boolean): string {
  const counts = outcomes.filter((outcome) => bucket.counts[outcome] > 0);
  const texts = counts.map((outcome) => `${bucket.counts[outcome].toLocaleString("en")} ${outcome}`);
  return `${bucketText(bucket.startMs, buckets, utc)}: ${texts.join(", ") || "nothing"}`;
}
