import { useTimes } from "../app/times.tsx";
import { type Bucket, outcomes } from "./buckets.ts";
import { LatencyPlot, percentiles } from "./latency-plot.tsx";
import { NumbersTable } from "./numbers-table.tsx";
import { OutcomePlot } from "./outcome-plot.tsx";

/** The past as two plots, and the numbers behind them. */
export function Plots({ buckets }: { buckets: Bucket[] }) {
  const { style } = useTimes();
  const utc = style === "utc";
  return (
    <>
      <div className="plots">
        <section className="card" aria-labelledby="outcomes">
          <h2 id="outcomes">Deliveries by outcome</h2>
          <Legend names={[...outcomes]} kind="bar" />
          <OutcomePlot buckets={buckets} utc={utc} />
        </section>
        <section className="card" aria-labelledby="latency">
          <h2 id="latency">Time to delivery</h2>
          <Legend names={[...percentiles]} kind="line" />
          <LatencyPlot buckets={buckets} utc={utc} />
        </section>
      </div>
      <NumbersTable buckets={buckets} utc={utc} />
    </>
  );
}

function Legend({ names, kind }: { names: string[]; kind: "bar" | "line" }) {
  return (
    <ul className="legend">
      {names.map((name) => (
        <li key={name}>
          <svg width="14" height="10" aria-hidden="true">
            {kind === "bar" ? (
              <rect
                className={`bar ${name}`}
                fill={name === "failed" ? "url(#failed)" : undefined}
                width="10"
                height="10"
                x="2"
              />
            ) : (
              <path className={`line ${name}`} d="M0 5h14" />
            )}
          </svg>
          {name}
        </li>
      ))}
    </ul>
  );
}
