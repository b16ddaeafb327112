import { expect, inject, it } from "vitest";
import { fuzz } from "./fuzz.ts";

it("random and mutated requests crash nothing, are no surprise and leave nothing behind", {
  timeout: 600_000,
}, async () => {
  const seed = Date.now() % 1_000_000;
  const report = await fuzz({
    count: 4_000,
    seed,
    postgresUrl: inject("postgresUrl"),
    onProgress: () => undefined,
  });
  expect(report, `seed ${seed}`).toMatchObject({ wrong: [], errors: [], alive: true });
});
