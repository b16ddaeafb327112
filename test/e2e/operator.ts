import { randomBytes } from "node:crypto";
import { pino } from "pino";
import { runAdminCommand } from "../../src/admin.ts";
import { askOwner } from "../../src/control-socket.ts";
import { createApiKeys } from "../../src/store/api-keys.ts";
import { openDatabase } from "../../src/store/database.ts";
import { createSecretBox } from "../../src/store/secret-box.ts";
import type { Home } from "./home.ts";

/** Carries an operator's commands out as the command line does, without starting a process for each. */
export interface Operator {
  /** Throws when the command fails. */
  run(command: string, args: object): Promise<{ id: string; api_key: string }>;
  close(): Promise<void>;
}

/** The service must run already where it is the owner of the database. */
export async function openOperator({ dataDir, env }: Pick<Home, "dataDir" | "env">): Promise<Operator> {
  if (env.DATABASE_URL === undefined) {
    return {
      async run(command, args) {
        const answer = await askOwner(dataDir, command, args);
        if (!answer || "error" in answer) throw new Error(answer?.error ?? "The service does not run");
        return answer.result as { id: string; api_key: string };
      },
      close: async () => undefined,
    };
  }
  const log = pino({ level: "silent" });
  const database = await openDatabase({ databaseUrl: env.DATABASE_URL, dataDir, poolSize: 2, log });
  const box = () => createSecretBox([randomBytes(32)]);
  const tools = { keys: createApiKeys(database), database, box };
  return {
    run: async (command, args) =>
      (await runAdminCommand(tools, command, args)) as { id: string; api_key: string },
    close: database.close,
  };
}
