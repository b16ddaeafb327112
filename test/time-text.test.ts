import { expect, test } from "vitest";
import { createTimeTexts, isTimeZone } from "../src/channels/time-text.ts";

const winter = new Date("2026-03-01T17:05:30Z");
const summer = new Date("2026-07-10T22:05:30Z");

test.each([
  [undefined, winter, "Sun, 1 Mar 2026, 17:05 UTC"],
  ["UTC", winter, "Sun, 1 Mar 2026, 17:05 UTC"],
  ["Europe/Berlin", winter, "Sun, 1 Mar 2026, 18:05 CET (17:05 UTC)"],
  ["Europe/Berlin", summer, "Sat, 11 Jul 2026, 00:05 CEST (Fri, 10 Jul 2026, 22:05 UTC)"],
  ["America/New_York", summer, "Fri, 10 Jul 2026, 18:05 EDT (22:05 UTC)"],
  ["Asia/Kolkata", winter, "Sun, 1 Mar 2026, 22:35 GMT+5:30 (17:05 UTC)"],
  ["Nowhere/At_All", winter, "Sun, 1 Mar 2026, 17:05 UTC"],
])("in %s", (zone, moment, text) => {
  expect(createTimeTexts()(zone)(moment)).toBe(text);
});

test("knows names of time zones and takes nothing else for one", () => {
  expect(["Europe/Berlin", "UTC", "Etc/GMT+5"].map(isTimeZone)).toEqual([true, true, true]);
  expect(["+01:00", "Mars/Base", "", "Berlin", "Europe/Berlin\n"].map(isTimeZone)).not.toContain(true);
});
