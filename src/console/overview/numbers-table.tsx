import { duration } from "../ui/time.tsx";
import { type Bucket, type Outcome, outcomes, sumOf } from "./buckets.ts";
import { percentiles } from "./latency-plot.tsx";
import { bucketText } from "./plot.tsx";

/** The numbers behind the plots, without the times in which nothing happened. */
export function NumbersTable({ buckets, utc }: { buckets: Bucket[]; utc: boolean }) {
  const busy = buckets.filter(({ counts }) => sumOf(counts) > 0).toReversed();
  return (
    <details>
      <summary className="muted">The numbers as a table</summary>
      <table className="rows compact">
        <caption className="sr-only">Deliveries by outcome and time to delivery</caption>
        <thead>
          <tr>
            <th scope="col">From</th>
            {outcomes.map((outcome) => (
              <th scope="col" key={outcome} className={widthOf(outcome)}>
                {outcome}
              </th>
            ))}
            {percentiles.map((name) => (
              <th scope="col" key={name}>
                {name}
              </th>
            ))}
          </tr>
        </thead>
        <tbody>
          {busy.map(({ startMs, counts, latency }) => (
            <tr key={startMs}>
              <th scope="row">{bucketText(startMs, buckets, utc)}</th>
              {outcomes.map((outcome) => (
                <td key={outcome} className={`number ${widthOf(outcome) ?? ""}`}>
                  {counts[outcome].toLocaleString("en")}
                </td>
              ))}
              {percentiles.map((name) => (
                <td key={name} className="number">
                  {latency ? duration(latency[name]) : "–"}
                </td>
              ))}
            </tr>
          ))}
        </tbody>
      </table>
    </details>
  );
}

/** A phone has no room for what is rare. */
function widthOf(outcome: Outcome): string | undefined {
  return outcome === "delivered" || outcome === "failed" ? undefined : "wide";
}
