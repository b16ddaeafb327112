#!/usr/bin/env node
import { Command, Option } from "commander";
import { pino } from "pino";
import { AdminError, type AdminTools, runAdminCommand } from "../admin.ts";
import { type Config, ConfigError, readConfig } from "../config.ts";
import { askOwner, openControlSocket } from "../control-socket.ts";
import { keptEncryptionKey, makeDataDir } from "../data-dir.ts";
import { scopes } from "../services/caller.ts";
import { createApiKeys } from "../store/api-keys.ts";
import { type Database, openDatabase } from "../store/database.ts";
import { createSecretBox } from "../store/secret-box.ts";
import { version } from "../version.ts";
import { apply } from "./apply/apply.ts";
import { FileError } from "./apply/yaml-source.ts";

const log = pino({ level: "warn" }, pino.destination(2));

/** The operator's command line. Results go to standard output as JSON, errors to standard error. */
function commandLine(): Command {
  const program = new Command("jitsudo-notifications")
    .description(
      "Manages tenants and API keys. Works on the database of DATABASE_URL, else on the embedded one in " +
        "JITSUDO_DATA_DIR; where the service runs on that one, it carries the command out.",
    )
    .version(version)
    .showHelpAfterError();

  program.command("migrate").description("bring the database's schema up to date").action(migrateNow);

  const tenants = program.command("tenants").description("who uses the service");
  tenants
    .command("create")
    .description("make a tenant")
    .requiredOption("--name <name>", "a name that no other tenant has")
    .action((options) => run("tenants create", options));
  tenants
    .command("list")
    .description("list all tenants")
    .action(() => run("tenants list", {}));

  const keys = program.command("keys").description("what callers identify themselves with");
  keys
    .command("create")
    .description("make a key and show it, this one time")
    .requiredOption("--name <name>", "what the key is for")
    .option("--tenant <id>", "the tenant that the key belongs to")
    .option("--operator", "make a key that is good for all tenants, with all scopes")
    .addOption(new Option("--scopes <scope...>", "what the key may do (default: all)").choices(scopes))
    .option("--expires-at <time>", "when it ends, for example 2027-01-31T00:00:00Z (default: never)")
    .addOption(
      new Option(
        "--rate-limit <calls>",
        "calls a second, 0 for no limit (default: what the service allows every key)",
      ).argParser(numberOf),
    )
    .action(createKey);
  keys
    .command("list")
    .description("list keys, without their secrets")
    .option("--tenant <id>", "only this tenant's")
    .action((options) => run("keys list", options));
  keys
    .command("revoke")
    .description("end a key; takes effect within seconds")
    .argument("<id>", "the key's id")
    .action((id) => run("keys revoke", { id }));

  const secrets = program.command("secrets").description("how channels' secrets are encrypted");
  secrets
    .command("status")
    .description("count secrets by encryption key")
    .action(() => run("secrets status", {}));
  secrets
    .command("rotate")
    .description(
      "encrypt all secrets with the first of JITSUDO_ENCRYPTION_KEYS; the service may run meanwhile",
    )
    .action(() => run("secrets rotate", {}));

  program
    .command("apply")
    .description(
      "make a tenant's channels what a YAML file says, by the API of a running service; the key and the tenant " +
        "come from JITSUDO_API_KEY and JITSUDO_TENANT_ID",
    )
    .requiredOption("-f, --filename <path>", "the file")
    .option("--url <url>", "where the service is", "http://127.0.0.1:8080")
    .option("--prune", "delete the channels that the file does not name")
    .option("--dry-run", "show what would change, and change nothing")
    .option("--yes", "do not ask")
    .action((options) => apply(options, process.env));
  return program;
}

interface KeyOptions {
  name: string;
  tenant?: string;
  operator?: boolean;
  scopes?: string[];
  expiresAt?: string;
  rateLimit?: number;
}

/** Empty, as of a variable that is not set, is none: 0 would lift the limit. */
function numberOf(text: string): number {
  return text.trim() === "" ? Number.NaN : Number(text);
}

async function createKey({ operator, ...options }: KeyOptions): Promise<void> {
  // Not a default: a key for everything should be asked for by name.
  if ((options.tenant === undefined) === !operator)
    throw new AdminError("Give either --tenant or --operator");
  if (operator && options.scopes) throw new AdminError("An operator key has all scopes");
  await run("keys create", options);
}

async function run(command: string, args: object): Promise<void> {
  const config = readConfig(process.env);
  const answer = config.databaseUrl === undefined ? await askOwner(config.dataDir, command, args) : undefined;
  if (answer && "error" in answer) throw new AdminError(answer.error);
  print(
    answer
      ? answer.result
      : await withDatabase(async (database) => {
          await database.migrate();
          return runAdminCommand(toolsOn(database, config), command, args);
        }),
  );
}

function toolsOn(database: Database, { encryptionKeys, dataDir }: Config): AdminTools {
  return {
    keys: createApiKeys(database),
    database,
    box() {
      if (!encryptionKeys) makeDataDir(dataDir);
      return createSecretBox(encryptionKeys ?? [keptEncryptionKey(dataDir)]);
    },
  };
}

async function migrateNow(): Promise<void> {
  const config = readConfig(process.env);
  if (config.databaseUrl === undefined && (await askOwner(config.dataDir, "tenants list", {}))) {
    throw new AdminError("The service runs on this data folder and has migrated it at its start");
  }
  print({ migrations: await withDatabase((database) => database.migrate()) });
}

async function withDatabase<Result>(work: (database: Database) => Promise<Result>): Promise<Result> {
  const config = readConfig(process.env);
  // The embedded database is one process's at a time, be it for a single command.
  const lock = config.databaseUrl === undefined ? await lockDataDir(config.dataDir) : undefined;
  try {
    const database = await openDatabase({ ...config, log });
    try {
      return await work(database);
    } finally {
      await database.close();
    }
  } finally {
    // Also when the database does not open: what is held would keep the command from ending.
    await lock?.close();
  }
}

function lockDataDir(dataDir: string): ReturnType<typeof openControlSocket> {
  makeDataDir(dataDir);
  return openControlSocket(dataDir, () =>
    Promise.reject(new AdminError("Another command is running, try again")),
  );
}

function print(result: unknown): void {
  process.stdout.write(`${JSON.stringify(result, undefined, 2)}\n`);
}

commandLine()
  .parseAsync()
  .catch((error: Error) => {
    const expected = [AdminError, ConfigError, FileError].some((kind) => error instanceof kind);
    process.stderr.write(`${expected ? error.message : `Failed: ${error.message}`}\n`);
    process.exitCode = 1;
  });
