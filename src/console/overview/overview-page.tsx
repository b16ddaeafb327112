import { timestampFromDate, timestampMs } from "@bufbuild/protobuf/wkt";
import { Link, useSearchParams } from "wouter";
import type { GetQueueStatusResponse } from "../../../gen/jitsudo/notifications/v1/statistics_pb.js";
import { allChannels } from "../api/all-channels.ts";
import { useLoad } from "../api/use-load.ts";
import { useConsole } from "../app/console-context.ts";
import { useTimes } from "../app/times.tsx";
import { ChannelTable } from "../channels/channel-table.tsx";
import { failingFirst, isFailing } from "../channels/health.ts";
import { Empty, FailureNote, Loading } from "../ui/notes.tsx";
import { PageTitle } from "../ui/page-title.tsx";
import { duration } from "../ui/time.tsx";
import { type Bucket, bucketsOf, sumOf, totalsOf } from "./buckets.ts";
import { LatencyPlot, percentiles } from "./latency-plot.tsx";
import { NumbersTable } from "./numbers-table.tsx";
import { OutcomePlot } from "./outcome-plot.tsx";
import { type Range, rangeOf, ranges } from "./range.ts";

const pollMs = 10_000;

/** How deliveries fare: what fails first, then the queue, then the past. */
export function OverviewPage() {
  const { clients, may } = useConsole();
  const [query, setQuery] = useSearchParams();
  const range = rangeOf(query.get("range"));
  const every = { everyMs: pollMs };
  const queue = useLoad("queue", (signal) => clients.statistics.getQueueStatus({}, { signal }), every);
  const statistics = useLoad(
    range.name,
    (signal) => {
      const since = timestampFromDate(new Date(Date.now() - range.ms));
      return clients.statistics.getDeliveryStatistics({ bucket: range.bucket, since }, { signal });
    },
    every,
  );
  const buckets = statistics.value && bucketsOf(statistics.value);
  return (
    <>
      <PageTitle title="Overview">
        <fieldset className="tabs">
          <legend className="sr-only">Time</legend>
          {ranges.map(({ name, label }) => (
            <label key={name}>
              <input
                type="radio"
                name="range"
                checked={name === range.name}
                onChange={() => setQuery({ range: name })}
              />
              {label}
            </label>
          ))}
        </fieldset>
      </PageTitle>
      {may("channels:read") && <FailingChannels />}
      {queue.failure && <FailureNote failure={queue.failure} retry={queue.reload} />}
      {statistics.failure && <FailureNote failure={statistics.failure} retry={statistics.reload} />}
      <Figures queue={queue.value} buckets={buckets} range={range} />
      {!buckets && !statistics.failure && <Loading rows={6} />}
      {buckets && <Plots buckets={buckets} />}
    </>
  );
}

function FailingChannels() {
  const { clients } = useConsole();
  const channels = useLoad("channels", (signal) => allChannels(clients, signal), { everyMs: pollMs });
  const failing = failingFirst(channels.value ?? []).filter(isFailing);
  if (channels.value?.length === 0) {
    return (
      <Empty title="No channels yet">
        <p>
          Nobody is told anything until there is one. <Link href="/channels/new">Make the first channel</Link>
        </p>
      </Empty>
    );
  }
  if (failing.length === 0) return null;
  return (
    <section className="stack" aria-labelledby="failing">
      <h2 id="failing">{failing.length === 1 ? "One channel fails" : `${failing.length} channels fail`}</h2>
      <ChannelTable channels={failing} />
    </section>
  );
}

interface FiguresProps {
  queue: GetQueueStatusResponse | undefined;
  buckets: Bucket[] | undefined;
  range: Range;
}

function Figures({ queue, buckets, range }: FiguresProps) {
  const { now } = useTimes();
  const totals = buckets && totalsOf(buckets);
  const ended = totals ? sumOf(totals) : 0;
  const tried = totals ? totals.delivered + totals.failed : 0;
  const oldest = queue?.oldestCreatedAt;
  return (
    <ul className="figures">
      <Figure name="Delivered" value={totals?.delivered.toLocaleString("en")} note={`in ${range.label}`} />
      <Figure
        name="Failed"
        value={totals?.failed.toLocaleString("en")}
        tone={totals && totals.failed > 0 ? "bad" : ""}
        note={tried > 0 && totals ? `${percent(totals.failed / tried)} of those tried` : `in ${range.label}`}
        href="/deliveries?state=failed"
      />
      <Figure
        name="Not sent"
        value={totals && (ended - tried).toLocaleString("en")}
        note="repeated, cancelled or too late"
      />
      <Figure
        name="In the queue"
        value={queue && queueText(queue)}
        note={oldest ? `the oldest for ${duration(Math.max(now - timestampMs(oldest), 0))}` : "nothing waits"}
        href="/deliveries?state=pending"
      />
    </ul>
  );
}

interface FigureProps {
  name: string;
  value: string | undefined;
  note: string;
  tone?: string;
  href?: string;
}

function Figure({ name, value = "…", note, tone = "", href }: FigureProps) {
  return (
    <li className={`card figure ${tone}`}>
      <span className="figure-name">{href ? <Link href={href}>{name}</Link> : name}</span>
      <span className="figure-value">{value}</span>
      <span className="muted small">{note}</span>
    </li>
  );
}

function Plots({ buckets }: { buckets: Bucket[] }) {
  const { style } = useTimes();
  const utc = style === "utc";
  return (
    <>
      <div className="plots">
        <section className="card" aria-labelledby="outcomes">
          <h2 id="outcomes">Deliveries by outcome</h2>
          <Legend names={["delivered", "deduplicated", "cancelled", "expired", "failed"]} kind="bar" />
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

/** The service counts no further than ten thousand. */
function queueText({ pending, delivering }: GetQueueStatusResponse): string {
  const open = pending + delivering;
  return pending >= 10_000 ? "10,000+" : open.toLocaleString("en");
}

function percent(part: number): string {
  return new Intl.NumberFormat("en", { style: "percent", maximumFractionDigits: 1 }).format(part);
}
