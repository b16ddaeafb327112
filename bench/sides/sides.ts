import { alertmanager } from "./alertmanager.ts";
import { limit } from "./limit.ts";
import { bullmq, graphileWorker, pgBoss } from "./queues.ts";
import { embedded, service, serviceApart } from "./service.ts";
import type { Side } from "./side.ts";

/** In the order of the report. */
export const sides: Side[] = [
  limit,
  service,
  serviceApart,
  embedded,
  bullmq,
  graphileWorker,
  pgBoss,
  alertmanager,
];
