import { type BenchEvent, fannedOutType, fanoutOf } from "./event.ts";
import { closeEntry, type Instruments, type Load, type Measurement, measure, openEntry } from "./measure.ts";
import type { Options } from "./options.ts";
import type { Entry } from "./sides/side.ts";
import { median } from "./statistics.ts";

/** A kind of load that all sides get alike. */
export type LoadName = keyof typeof loadTitles;

export const loadTitles = {
  single: "At full speed, one event a call",
  batch: "At full speed, several events a call",
  fanout: "At full speed, several events a call, three notices an event",
  steady: "At a steady rate, one event a call",
};

/** Calls with several events each that are under way at the same time. */
export const batchCalls = 8;

const plain: BenchEvent["type"] = "request.approved";

export function loadsOf(options: Options): Record<LoadName, Load> {
  const { events, concurrency, batch, rate, seconds } = options;
  const batches = { batch, calls: batchCalls };
  const three = fanoutOf({ type: fannedOutType });
  return {
    single: { type: plain, events: Math.ceil(events / 5), batch: 1, calls: concurrency },
    batch: { type: plain, events, ...batches },
    fanout: { type: fannedOutType, events: Math.ceil(events / three), ...batches },
    steady: {
      type: plain,
      events: Math.ceil(rate * seconds),
      batch: 1,
      calls: concurrency,
      ratePerSecond: rate,
    },
  };
}

/** Puts every load on an entry, after a little that warms the processes up. */
export async function measureEntry(
  instruments: Instruments,
  entry: Entry,
  options: Options,
): Promise<Record<LoadName, Measurement>> {
  const results: Partial<Record<LoadName, Measurement>> = {};
  for (const [name, load] of Object.entries(loadsOf(options)) as [LoadName, Load][]) {
    const repeat = load.ratePerSecond === undefined ? options.repeat : 1;
    results[name] = await measureRepeatedly(instruments, entry, load, repeat);
  }
  return results as Record<LoadName, Measurement>;
}

/** The medians of `repeat` runs, after one that does not count. */
export async function measureRepeatedly(
  instruments: Instruments,
  entry: Entry,
  load: Load,
  repeat: number,
): Promise<Measurement> {
  await openEntry(instruments, entry, load.calls);
  try {
    // Half as much: by then most of what runs is compiled.
    await measure(instruments, { ...load, events: Math.ceil(load.events / 2) });
    const runs: Measurement[] = [];
    for (let run = 0; run < repeat; run++) runs.push(await measure(instruments, load));
    return medianOf(runs);
  } finally {
    await closeEntry(instruments);
  }
}

/** What was lost or came twice is summed up, all else is the median, figure by figure. */
function medianOf(runs: Measurement[]): Measurement {
  const sum = (pick: (run: Measurement) => number) =>
    runs.map(pick).reduce((total, value) => total + value, 0);
  return {
    ...(medians(runs) as Measurement),
    missing: sum(({ missing }) => missing),
    duplicates: sum(({ duplicates }) => duplicates),
  };
}

/** Numbers at equal places of equally shaped objects become their median. */
function medians(values: object[]): object {
  const [first = {}] = values;
  return Object.fromEntries(
    Object.entries(first).map(([key, value]) => {
      const all = values.map((each) => (each as Record<string, unknown>)[key]);
      return [key, typeof value === "number" ? median(all as number[]) : medians(all as object[])];
    }),
  );
}
