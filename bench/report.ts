import type { Comparison } from "./comparisons/comparison.ts";
import { type LoadName, loadTitles } from "./loads.ts";
import type { Measurement } from "./measure.ts";
import type { SideResult } from "./results.ts";

/** All that one run of the benchmark has found. */
export interface Report {
  machine: { cores: number; model: string; node: string; loadBefore: number; loadAfter: number };
  settings: object;
  results: SideResult[];
  comparisons: (Comparison & { comparer: string })[];
  /** What was not measured, and why. */
  leftOut: string[];
}

interface Figure {
  title: string;
  of(measured: Measurement): number;
  /** Whether more is better. */
  more: boolean;
  digits: number;
}

const figures: Figure[] = [
  { title: "ack/s", of: (m) => m.acknowledgedPerSecond, more: true, digits: 0 },
  { title: "notices/s", of: (m) => m.noticesPerSecond, more: true, digits: 0 },
  { title: "p50 ms", of: (m) => m.delivery.p50, more: false, digits: 1 },
  { title: "p99 ms", of: (m) => m.delivery.p99, more: false, digits: 1 },
  { title: "p99.9 ms", of: (m) => m.delivery.p999, more: false, digits: 1 },
  { title: "e2e p99", of: (m) => m.endToEnd.p99, more: false, digits: 1 },
  { title: "CPU s", of: (m) => m.cpuSecondsPerThousand.side, more: false, digits: 2 },
  { title: "all CPU s", of: cpuOfAll, more: false, digits: 2 },
  { title: "MB", of: (m) => m.peakMemoryMb, more: false, digits: 0 },
];

const legend = `
ack/s: events acknowledged a second. notices/s: from the first call to the last arrival.
p50, p99, p99.9: from an event's acknowledgement to its arrival at the sink (0: it arrived before); e2e: from the call.
CPU s: processor seconds for a thousand notices, of the side's processes with its databases; all: with who sends
the events and the sink. A library runs in the process that sends, the service in its own. MB: peak memory.
Below each figure: its ratio to the limit, and to the best alternative of the same table.
* an acknowledged event does not survive a crash.`;

/** The report as people read it. */
export function formatReport(report: Report): string {
  const { machine, comparisons, leftOut } = report;
  const loads = (Object.keys(loadTitles) as LoadName[]).map((name) => formatLoad(report.results, name));
  return [
    `${machine.cores} cores, ${machine.model}, Node ${machine.node}; load average ${machine.loadBefore} before, ${machine.loadAfter} after`,
    ...loads.filter((text) => text !== ""),
    legend,
    comparisons.length > 0 ? `\nCompared\n${comparisons.map(formatComparison).join("\n")}` : "",
    leftOut.length > 0 ? `\nLeft out\n${leftOut.map((line) => `  ${line}`).join("\n")}` : "",
    "",
  ].join("\n");
}

function formatLoad(results: SideResult[], load: LoadName): string {
  const measured = results.map(({ loads, ...result }) => ({ ...result, found: loads[load] }));
  if (measured.length === 0) return "";
  const limit = measured.find(({ kind }) => kind === "limit")?.found;
  const alternatives = measured.filter(({ kind }) => kind === "alternative").map(({ found }) => found);

  const rows = measured.flatMap(({ side, entry, durable, kind, found }) => [
    [
      `${side}${durable || kind === "limit" ? "" : "*"}, ${entry}`,
      ...figures.map((figure) => figure.of(found).toFixed(figure.digits)),
      lossOf(found),
    ],
    ["", ...figures.map((figure) => ratios(figure, found, limit, alternatives)), ""],
  ]);
  return `\n${loadTitles[load]}\n${table([["", ...figures.map(({ title }) => title), ""], ...rows])}`;
}

function ratios(
  figure: Figure,
  found: Measurement,
  limit: Measurement | undefined,
  alternatives: Measurement[],
): string {
  const values = alternatives.map(figure.of);
  const best = figure.more ? Math.max(...values) : Math.min(...values);
  return `${ratio(figure.of(found), limit && figure.of(limit))} ${ratio(figure.of(found), best)}`;
}

/** What is divided by nothing says nothing. */
function ratio(value: number, by: number | undefined): string {
  if (by === undefined || !Number.isFinite(by) || by === 0 || value === 0) return "-";
  const quotient = value / by;
  return `${quotient >= 100 ? quotient.toFixed(0) : quotient.toPrecision(2)}x`;
}

function lossOf({ missing, duplicates }: Measurement): string {
  return [missing > 0 && `${missing} missing`, duplicates > 0 && `${duplicates} twice`]
    .filter(Boolean)
    .join(", ");
}

function formatComparison({ what, unit, subject, reference }: Comparison): string {
  const show = ({ label, value }: Comparison["subject"]) =>
    `${value.toFixed(unit === "ms" ? 1 : 0)} ${label}`;
  return `  ${what} (${unit}): ${show(subject)}, ${show(reference)}: ${ratio(subject.value, reference.value)}`;
}

function cpuOfAll({ cpuSecondsPerThousand: { side, generator, sink } }: Measurement): number {
  return side + generator + sink;
}

function table(rows: string[][]): string {
  const widths = rows[0]?.map((_, column) => Math.max(...rows.map((row) => row[column]?.length ?? 0))) ?? [];
  return rows
    .map((row) =>
      row
        .map((cell, column) =>
          column === 0 ? cell.padEnd(widths[0] ?? 0) : cell.padStart(widths[column] ?? 0),
        )
        .join("  ")
        .trimEnd(),
    )
    .join("\n");
}
