import { timestampMs } from "@bufbuild/protobuf/wkt";
import { Link } from "wouter";
import type { GetQueueStatusResponse } from "../../../gen/jitsudo/notifications/v1/statistics_pb.js";
import { useTimes } from "../app/times.tsx";
import { duration } from "../ui/time.tsx";
import { type Bucket, sumOf, totalsOf } from "./buckets.ts";
import type { Range } from "./range.ts";

interface FiguresProps {
  queue: GetQueueStatusResponse | undefined;
  buckets: Bucket[] | undefined;
  range: Range;
}

/** What counts, in four numbers. */
export function Figures({ queue, buckets, range }: FiguresProps) {
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

/** The service counts no further than ten thousand. */
function queueText({ pending, delivering }: GetQueueStatusResponse): string {
  const open = pending + delivering;
  return pending >= 10_000 ? "10,000+" : open.toLocaleString("en");
}

function percent(part: number): string {
  return new Intl.NumberFormat("en", { style: "percent", maximumFractionDigits: 1 }).format(part);
}
