import { resolve } from "node:path";
import { startChild } from "../support/child.ts";

const root = resolve(import.meta.dirname, "../..");

/** How a command ended. */
export interface CliResult {
  exit: number | NodeJS.Signals;
  stdout: string;
  stderr: string;
}

/** Runs the operator's command line as a process, with no other settings than `env`. */
export async function runCli(env: Record<string, string>, ...args: string[]): Promise<CliResult> {
  const child = await startChild(`${root}/node_modules/.bin/node`, ["src/cli/main.ts", ...args], {
    cwd: root,
    env: { PATH: process.env.PATH, HOME: process.env.HOME, ...env },
  });
  const exit = await child.waitForExit(60_000);
  return { exit, stdout: child.stdout(), stderr: child.stderr() };
}
