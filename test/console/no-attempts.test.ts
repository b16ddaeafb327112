import { expect, test } from "vitest";
import { whyNoAttempts } from "../../src/console/deliveries/no-attempts.ts";

test.each([
  [{ state: "cancelled", lastError: "" }, "None: the channel was disabled or deleted before."],
  [{ state: "cancelled", lastError: "its replay was cancelled" }, "None: its replay was cancelled."],
  [{ state: "deduplicated", lastError: "" }, "None: another delivery had already sent the same notice."],
  [{ state: "pending", lastError: "" }, undefined],
])("what ended unsent says why: %j", (delivery, text) => {
  expect(whyNoAttempts(delivery)).toBe(text);
});
