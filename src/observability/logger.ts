import { type Logger, pino } from "pino";
import type { Config } from "../config.ts";
import { snakeCase } from "../snake-case.ts";

/**
 * One JSON line an occurrence, on standard error; docs/operations.md lists the fields.
 * Their names are snake_case as in the API, however the code that logs spells them.
 */
export function createLogger({ logLevel }: Pick<Config, "logLevel">): Logger {
  return pino(
    { level: logLevel, formatters: { log: withSnakeCaseNames } },
    pino.destination({ fd: 2, sync: true }),
  );
}

function withSnakeCaseNames(fields: Record<string, unknown>): Record<string, unknown> {
  const renamed: Record<string, unknown> = {};
  for (const name in fields) renamed[nameOf(name)] = fields[name];
  return renamed;
}

const known = new Map([["err", "error"]]);

/** Names are few and come again with every line. */
function nameOf(field: string): string {
  const name = known.get(field) ?? snakeCase(field);
  known.set(field, name);
  return name;
}
