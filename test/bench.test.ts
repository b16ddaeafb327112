import { readFile } from "node:fs/promises";
import { join } from "node:path";
import { expect, it } from "vitest";
import { comparisons } from "../bench/comparisons/comparisons.ts";
import type { Report } from "../bench/report.ts";
import { sides } from "../bench/sides/sides.ts";
import { report, startChild } from "./support/child.ts";
import { withTempDir } from "./support/temp-dir.ts";

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
      if (missing(found.results).length > 0) expect(found.leftOut.join()).toContain(name);
    }
    for (const { subject, reference } of found.comparisons) {
      expect(subject.value).toBeGreaterThanOrEqual(0);
      expect(reference.value).toBeGreaterThanOrEqual(0);
    }
    expect(child.stdout()).toContain("notices/s");
  });
});
