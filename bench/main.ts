import { writeFileSync } from "node:fs";
import { availableParallelism, cpus, loadavg } from "node:os";
import { comparisons } from "./comparisons/comparisons.ts";
import type { GeneratorMethods } from "./generator.ts";
import { measureEntry } from "./loads.ts";
import type { Instruments } from "./measure.ts";
import { type Options, readOptions } from "./options.ts";
import { startPeer } from "./peer.ts";
import { formatReport, type Report } from "./report.ts";
import type { SideResult } from "./results.ts";
import type { Side, Surroundings } from "./sides/side.ts";
import { sides } from "./sides/sides.ts";
import type { SinkMethods } from "./sink.ts";

/** Measures side after side, since two at the same time would measure each other. */
async function main(): Promise<void> {
  const options = readOptions(process.argv);
  const loadBefore = loadNow();
  const instruments: Instruments = {
    sink: startPeer<SinkMethods>("sink.ts"),
    generator: startPeer<GeneratorMethods>("generator.ts"),
  };
  const interruption = watchForInterruption(instruments);
  try {
    const port = await instruments.sink.call("listen", undefined);
    const surroundings = {
      sink: `http://127.0.0.1:${port}`,
      concurrency: options.concurrency,
      profileDir: options.profileDir,
    };
    const found = await measureAll(instruments, surroundings, options);
    const machine = describeMachine(loadBefore);
    const report: Report = { machine, settings: options, ...found };
    process.stdout.write(formatReport(report));
    if (options.json) writeFileSync(options.json, `${JSON.stringify(report, undefined, 2)}\n`);
  } catch (error) {
    if (!interruption.aborted) throw error;
    process.exitCode = 130;
  } finally {
    await closeInstruments(instruments);
  }
}

/** Without the instruments the next step fails, so that whatever runs is closed on the way out. */
function watchForInterruption(instruments: Instruments): AbortSignal {
  const interruption = new AbortController();
  for (const signal of ["SIGINT", "SIGTERM"] as const) {
    process.once(signal, () => {
      interruption.abort();
      void closeInstruments(instruments);
    });
  }
  return interruption.signal;
}

async function closeInstruments({ generator, sink }: Instruments): Promise<void> {
  await Promise.all([generator.close(), sink.close()]);
}

function describeMachine(loadBefore: number): Report["machine"] {
  return {
    cores: availableParallelism(),
    model: cpus()[0]?.model.trim() ?? "unknown processor",
    node: process.version,
    loadBefore,
    loadAfter: loadNow(),
  };
}

async function measureAll(
  instruments: Instruments,
  surroundings: Surroundings,
  options: Options,
): Promise<Pick<Report, "results" | "comparisons" | "leftOut">> {
  const found: Pick<Report, "results" | "comparisons" | "leftOut"> = {
    results: [],
    comparisons: [],
    leftOut: [],
  };
  for (const side of sides.filter(({ name }) => options.sides.includes(name))) {
    const missing = side.missing();
    if (missing.length > 0) found.leftOut.push(`${side.name}: not installed: ${missing.join(", ")}`);
    else found.results.push(...(await measureSide(side, instruments, surroundings, options)));
  }
  for (const { name, missing, compare } of comparisons) {
    if (!options.comparisons.includes(name)) continue;
    const reasons = missing(found.results);
    if (reasons.length > 0) {
      found.leftOut.push(`comparison ${name}: needs ${reasons.join(", ")}`);
      continue;
    }
    progress(`compares ${name}`);
    const { results } = found;
    const comparisons = await compare({ instruments, surroundings, options, results });
    found.comparisons.push(...comparisons.map((comparison) => ({ comparer: name, ...comparison })));
  }
  return found;
}

async function measureSide(
  side: Side,
  instruments: Instruments,
  surroundings: Surroundings,
  options: Options,
): Promise<SideResult[]> {
  progress(`starts ${side.name}`);
  const running = await side.start(surroundings);
  try {
    const results: SideResult[] = [];
    for (const entry of running.entries) {
      progress(`measures ${side.name}, ${entry.name}`);
      const loads = await measureEntry(instruments, entry, options);
      const { name, module } = entry;
      results.push({ side: side.name, kind: side.kind, durable: side.durable, entry: name, module, loads });
    }
    return results;
  } finally {
    await running.close();
  }
}

function loadNow(): number {
  return Number(loadavg()[0]?.toFixed(1));
}

function progress(text: string): void {
  process.stderr.write(`${new Date().toISOString().slice(11, 19)} ${text}\n`);
}

await main();
