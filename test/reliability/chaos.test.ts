import { resolve } from "node:path";
import { expect, test } from "vitest";
import { report, startChild } from "../support/child.ts";

const root = resolve(import.meta.dirname, "../..");

test("the short form of the chaos program finds nothing lost", { timeout: 300_000 }, async () => {
  const child = await startChild(resolve(root, "node_modules/.bin/node"), ["test/chaos/main.ts", "--short"], {
    cwd: root,
  });
  expect(await child.waitForExit(280_000), report(child)).toBe(0);
  expect(child.stdout()).toMatch(/^acknowledged +3000$/m);
  expect(child.stdout()).toMatch(/^lost +0$/m);
});
