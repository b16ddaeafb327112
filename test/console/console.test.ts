import { afterAll, beforeAll } from "vitest";
import { describeFirstVisit } from "./first-visit.ts";
import { openRig, type Rig } from "./support/rig.ts";

// One file, so that all tests share one Chromium.

let rig: Rig;

beforeAll(async () => {
  rig = await openRig();
});

afterAll(async () => {
  await rig?.close();
});

describeFirstVisit(() => rig);
