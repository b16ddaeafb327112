import { validate, version } from "uuid";
import { expect, test } from "vitest";
import { uuidv7, uuidv7Time } from "../src/uuid-v7.ts";

// Ids sort by the time at which they were made, also within a millisecond.

test("valid, of version 7, with the time in front, each greater than the one before", () => {
  const before = Date.now();
  const ids = Array.from({ length: 100_000 }, uuidv7);
  const after = Date.now();
  expect(ids.every((id) => validate(id) && version(id) === 7)).toBe(true);
  expect(ids.toSorted()).toEqual(ids);
  expect(new Set(ids).size).toBe(ids.length);
  const times = ids.map((id) => uuidv7Time(id).getTime());
  expect(times.every((time) => time >= before && time <= after)).toBe(true);
});
