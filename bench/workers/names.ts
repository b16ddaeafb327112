/** What both ends of a queue call it. */
export const bullmqQueue = "notices";
export const graphileTask = "notify";
export const pgBossQueue = "notices";
