import { expect, test } from "vitest";
import { formatTraceparent, parseTraceparent } from "../../src/observability/trace-context.ts";

const traceId = "4bf92f3577b34da6a3ce929d0e0e4736";
const spanId = "00f067aa0ba902b7";
const ids = `${traceId}-${spanId}`;

test("reads what the specification allows, and no more", () => {
  expect(parseTraceparent(`00-${ids}-01`)).toEqual({ traceId, spanId, sampled: true });
  expect(parseTraceparent(`00-${ids}-00`)).toEqual({ traceId, spanId, sampled: false });
  // Unknown flags are not looked at.
  expect(parseTraceparent(`00-${ids}-fe`)?.sampled).toBe(false);
  // A later version is read as far as it is known.
  expect(parseTraceparent(`cc-${ids}-01-what-the-future-will-be-like`)).toEqual({
    traceId,
    spanId,
    sampled: true,
  });
  expect(parseTraceparent(`cc-${ids}-01`)?.traceId).toBe(traceId);
});

test.each([
  ["version ff", `ff-${ids}-01`],
  ["more after version 00", `00-${ids}-01-more`],
  ["something after the flags without a dash", `cc-${ids}-01.more`],
  ["a trace id of zeros", `00-${"0".repeat(32)}-${spanId}-01`],
  ["a span id of zeros", `00-${traceId}-${"0".repeat(16)}-01`],
  ["upper case", `00-${ids.toUpperCase()}-01`],
  ["a short trace id", `00-${traceId.slice(1)}-${spanId}-01`],
  ["no flags", `00-${ids}`],
  ["two values", `00-${ids}-01, 00-${ids}-01`],
  ["a line break", `00-${ids}-01\nx`],
  ["nothing", ""],
])("ignores %s", (_what, header) => {
  expect(parseTraceparent(header)).toBeUndefined();
});

test("writes what it reads", () => {
  for (const header of [`00-${ids}-01`, `00-${ids}-00`]) {
    const context = parseTraceparent(header);
    expect(context && formatTraceparent(context)).toBe(header);
  }
});
