import { pino } from "pino";
import { type Database, openDatabase } from "../../src/store/database.ts";

/** Opens the service's database for what the API has no call for. */
export async function withDatabase<Result>(
  databaseUrl: string,
  work: (database: Database) => Promise<Result>,
): Promise<Result> {
  const log = pino({ level: "warn" }, pino.destination(2));
  const database = await openDatabase({ databaseUrl, dataDir: "unused", poolSize: 1, log });
  try {
    return await work(database);
  } finally {
    await database.close();
  }
}
