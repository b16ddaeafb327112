import { pino } from "pino";
import { openDatabase } from "../../src/store/database.ts";
import { createStatistics } from "../../src/store/statistics.ts";
const database = await openDatabase({ databaseUrl: process.env.U, dataDir: "/tmp/p11/x", poolSize: 2, log: pino({ level: "silent" }) });
const stats = createStatistics(database, "11111111-1111-7111-8111-111111111111");
for (const [name, days, groupBy] of [["day", 1, ["state"]], ["30 days by state", 30, ["state"]], ["90 days by channel, type, state", 90, ["channel_id", "event_type", "state"]]] as const) {
  const until = new Date(1700000000000 + 7_776_000_000);
  for (let i = 0; i < 2; i++) {
  const t = performance.now();
  const rows = await stats.read({ since: new Date(until.getTime() - days * 86_400_000), until, bucketSeconds: days === 90 ? 86_400 : 3_600, groupBy: [...groupBy], channelId: undefined, eventType: undefined, state: undefined });
  console.log("statistics", name, rows.length, (performance.now() - t).toFixed(1));
  }
}
await database.close();
