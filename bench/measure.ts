import { randomBytes } from "node:crypto";
import type { DriverSpec } from "./drivers/driver.ts";
import { type BenchEvent, fanoutOf } from "./event.ts";
import type { GeneratorMethods, Plan, Sent } from "./generator.ts";
import type { Peer } from "./peer.ts";
import type { Entry } from "./sides/side.ts";
import type { Arrivals, SinkMethods } from "./sink.ts";
import { type Percentiles, percentiles } from "./statistics.ts";
import { cpuSecondsOf, descendantsOf, memoryMbOf } from "./usage.ts";

/** The processes that are there for all sides. */
export interface Instruments {
  sink: Peer<SinkMethods>;
  generator: Peer<GeneratorMethods>;
}

/** What is done to a side. */
export interface Load {
  type: BenchEvent["type"];
  events: number;
  batch: number;
  calls: number;
  ratePerSecond?: number;
  /** False: the events go nowhere, only their acknowledgement counts. */
  delivered?: boolean;
}

/** What came of it. Times in milliseconds. */
export interface Measurement {
  acknowledgedPerSecond: number;
  /** From the first call to the last arrival. */
  noticesPerSecond: number;
  /** From the call to its acknowledgement. */
  acknowledgement: Percentiles;
  /** From the acknowledgement to the arrival; 0 where the notice arrived before. */
  delivery: Percentiles;
  /** From the call to the arrival. */
  endToEnd: Percentiles;
  /** Processor seconds for a thousand notices, of the side, of who sends the events, and of the sink. */
  cpuSecondsPerThousand: { side: number; generator: number; sink: number };
  peakMemoryMb: number;
  missing: number;
  duplicates: number;
}

/** Seldom, since adding up the memory of processes stops each of them for a moment. */
const memoryEveryMs = 1_000;

/** A side that delivers nothing for so long has lost what is missing. */
const idleMs = 30_000;

/** Opens an entry for loads with up to `calls` calls at the same time. */
export function openEntry({ generator }: Instruments, entry: Entry, calls: number): Promise<void> {
  const spec: DriverSpec = { module: entry.module, options: entry.options, calls };
  return generator.call("open", spec);
}

/** Leaves the entry that is open. */
export function closeEntry({ generator }: Instruments): Promise<void> {
  return generator.call("open", undefined);
}

/** Puts one load on the entry that is open. */
export async function measure(instruments: Instruments, load: Load): Promise<Measurement> {
  const { sink, generator } = instruments;
  const tag = `run${randomBytes(5).toString("hex")}`;
  const { delivered = true, ...rest } = load;
  const plan: Plan = { ...rest, tag };
  const fanout = delivered ? fanoutOf(load) : 0;
  await sink.call("expect", { tag, events: load.events, fanout });

  // At a steady rate memory is read once, at the end: the moment that it takes would be a good part of the times.
  const observed = observeUsage(instruments, load.ratePerSecond ? undefined : memoryEveryMs);
  const sent = await generator.call("send", plan);
  const arrivals = await sink.call("arrived", { idleMs });
  const { cpuSeconds, peakMemoryMb } = observed.stop();

  const per = 1_000 / (load.events * Math.max(1, fanout));
  return {
    ...timesOf(sent, arrivals, fanout),
    cpuSecondsPerThousand: {
      side: cpuSeconds.side * per,
      generator: cpuSeconds.generator * per,
      sink: cpuSeconds.sink * per,
    },
    peakMemoryMb,
    missing: arrivals.arrivedAt.filter(Number.isNaN).length,
    duplicates: arrivals.duplicates,
  };
}

function timesOf({ sentAt, acknowledgedAt }: Sent, { arrivedAt }: Arrivals, fanout: number) {
  const startedAt = minOf(sentAt);
  const acknowledgedIn = maxOf(acknowledgedAt) - startedAt;
  const arrived = arrivedAt.filter((at) => !Number.isNaN(at));
  const since = (from: Float64Array): number[] =>
    [...arrivedAt]
      .map((at, index) => Math.max(0, at - (from[Math.floor(index / fanout)] ?? Number.NaN)))
      .filter((ms) => !Number.isNaN(ms));
  return {
    acknowledgedPerSecond: (sentAt.length * 1_000) / acknowledgedIn,
    noticesPerSecond: (arrived.length * 1_000) / (maxOf(arrived) - startedAt),
    acknowledgement: percentiles([...acknowledgedAt].map((at, index) => at - (sentAt[index] ?? Number.NaN))),
    delivery: percentiles(since(acknowledgedAt)),
    endToEnd: percentiles(since(sentAt)),
  };
}

/** Watches what this process's descendants use: all but the sink and the generator belong to the side. */
function observeUsage({ sink, generator }: Instruments, everyMs: number | undefined) {
  const sidePids = () =>
    descendantsOf(process.pid).filter((pid) => pid !== sink.pid && pid !== generator.pid);
  const cpuSeconds = () => ({
    side: cpuSecondsOf(sidePids()),
    generator: cpuSecondsOf([generator.pid]),
    sink: cpuSecondsOf([sink.pid]),
  });
  const before = cpuSeconds();
  let peakMemoryMb = 0;
  const look = () => {
    peakMemoryMb = Math.max(peakMemoryMb, memoryMbOf(sidePids()));
  };
  // Does not keep the process alive, where an interruption has ended what is measured.
  const timer = everyMs === undefined ? undefined : setInterval(look, everyMs).unref();

  return {
    stop() {
      clearInterval(timer);
      look();
      const after = cpuSeconds();
      return {
        peakMemoryMb,
        cpuSeconds: {
          side: after.side - before.side,
          generator: after.generator - before.generator,
          sink: after.sink - before.sink,
        },
      };
    },
  };
}

function minOf(values: Float64Array): number {
  return values.reduce((least, value) => Math.min(least, value), Number.POSITIVE_INFINITY);
}

function maxOf(values: Float64Array): number {
  return values.reduce((most, value) => Math.max(most, value), Number.NEGATIVE_INFINITY);
}
