import { readFile } from "node:fs/promises";
import { join } from "node:path";
import { expect, it } from "vitest";
import { comparisons } from "../bench/comparisons/comparisons.ts";
import type { Report } from "../bench/report.ts";
import { sides } from "../bench/sides/sides.ts";
import { cpuSecondsOf, descendantsOf } from "../bench/usage.ts";
import { report, startChild } from "./support/child.ts";
import { withTempDir } from "./support/temp-dir.ts";
import { until } from "./support/until.ts";

/** Says nothing about speed: others use the machine while tests run. */
it("measures every side that can be measured, and loses nothing", { timeout: 600_000 }, async () => {
  await withTempDir(async (dir) => {
    const file = join(dir, "report.json");
    const child = await startChild(process.execPath, ["bench/main.ts", "--short", "--json", file]);
    const code = await child.waitForExit(590_000);
    expect(code, report(child)).toBe(0);

    const found = JSON.parse(await readFile(file, "utf8")) as Report;
    for (const { name, missing } of sides) {
      const results = found.results.filter(({ side }) => side === name);
      expect(results.length > 0, name).toBe(missing().length === 0);
      for (const { entry, loads } of results) {
        for (const [load, { missing, noticesPerSecond }] of Object.entries(loads)) {
          expect({ name, entry, load, missing }).toEqual({ name, entry, load, missing: 0 });
          expect(noticesPerSecond).toBeGreaterThan(0);
        }
      }
    }
    const duplicates = found.results
      .filter(({ kind }) => kind === "service")
      .flatMap(({ loads }) => Object.values(loads).map(({ duplicates }) => duplicates));
    expect(duplicates.filter((count) => count > 0)).toEqual([]);
    for (const { name, missing } of comparisons) {
      const isLeftOut = found.leftOut.some((line) => line.includes(name));
      expect(isLeftOut, name).toBe(missing(found.results).length > 0);
      expect(
        found.comparisons.some(({ comparer }) => comparer === name),
        name,
      ).toBe(!isLeftOut);
    }
    for (const { subject, reference } of found.comparisons) {
      expect(subject.value).toBeGreaterThanOrEqual(0);
      expect(reference.value).toBeGreaterThanOrEqual(0);
    }
    expect(child.stdout()).toContain("notices/s");
  });
});

it("ends when it is interrupted in the middle of a measurement", { timeout: 200_000 }, async () => {
  const args = ["bench/main.ts", "--sides", "limit", "--events", "1000000"];
  const child = await startChild(process.execPath, args);
  // More than its processes need to start: events are on their way.
  await until(() => cpuSecondsOf(descendantsOf(child.pid)) > 3, { timeoutMs: 100_000 });
  child.signal("SIGINT");
  expect(await child.waitForExit(50_000), report(child)).toBe(130);
});
