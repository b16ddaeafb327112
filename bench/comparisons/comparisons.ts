import { bareRequest } from "./bare-request.ts";
import { breakGlass } from "./break-glass.ts";
import type { Comparer } from "./comparison.ts";
import { idleHandler } from "./idle-handler.ts";
import { oldRows } from "./old-rows.ts";
import { twoWorkers } from "./two-workers.ts";

/** In the order of the report. */
export const comparisons: Comparer[] = [idleHandler, bareRequest, breakGlass, oldRows, twoWorkers];
