import { afterAll, beforeAll } from "vitest";
import { describeAccessibility } from "./accessibility.ts";
import { describeChannelForms } from "./channel-forms.ts";
import { describeFailure } from "./failure.ts";
import { describeFirstVisit } from "./first-visit.ts";
import { describeHostileText } from "./hostile-text.ts";
import { describeKeys } from "./keys.ts";
import { describeLive } from "./live.ts";
import { describeNoSuch } from "./no-such.ts";
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
describeKeys(() => rig);
describeFailure(() => rig);
describeNoSuch(() => rig);
describeLive(() => rig);
describeChannelForms(() => rig);
describeHostileText(() => rig);
describeAccessibility(() => rig);
