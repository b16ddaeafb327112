import { parseArgs } from "node:util";
import { startPostgres } from "../support/postgres.ts";
import { type FuzzReport, fuzz } from "./fuzz.ts";

/*
 * npm run fuzz -- --count 1000000 --seed 1: sends random and mutated requests to a
 * service with a database of its own, and fails when it crashes, answers with an
 * error of its own, logs one, or grows.
 */
const { values } = parseArgs({
  options: { count: { type: "string", default: "1000000" }, seed: { type: "string", default: "1" } },
});
const count = Number(values.count);
const seed = Number(values.seed);
if (!Number.isInteger(count) || !Number.isInteger(seed) || count < 1) {
  process.stderr.write("--count and --seed take whole numbers\n");
  process.exit(2);
}

const postgres = await startPostgres();
let report: FuzzReport;
try {
  report = await fuzz({ count, seed, postgresUrl: postgres.url, onProgress: (line) => console.log(line) });
} finally {
  await postgres.close();
}
for (const [answer, times] of Object.entries(report.answers).sort()) console.log(`${times}\t${answer}`);
for (const line of [...report.wrong.map((wrong) => JSON.stringify(wrong)), ...report.errors])
  console.log(line);
console.log(
  `${count} requests, seed ${seed}: ${report.wrong.length} wrong answers, ${report.errors.length} errors logged, ` +
    `${report.alive ? "alive" : "not alive"}, ${report.memoryMiB[0]} to ${report.memoryMiB.at(-1)} MiB (${report.grew ? "growing" : "steady"}), ${report.seconds} s`,
);
process.exitCode =
  report.alive && !report.grew && report.wrong.length === 0 && report.errors.length === 0 ? 0 : 1;
