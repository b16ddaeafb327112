import { resolve } from "node:path";
import { expect } from "vitest";
import { startChild } from "../support/child.ts";

const root = resolve(import.meta.dirname, "../..");

/** The shell blocks of a Markdown page, in order, those within lists too. */
export function shellBlocks(page: string): string[] {
  return [...page.matchAll(/^ *```sh\n(.*?)^ *```$/gms)].map(([, block]) => block ?? "");
}

/** Runs a script as a reader would, from the root of the repository; the first command that fails ends it. */
export async function runBash(script: string, env: Record<string, string>) {
  const child = await startChild("bash", ["-euo", "pipefail", "-c", script], {
    cwd: root,
    env: { ...process.env, PATH: `${root}/node_modules/.bin:${process.env.PATH}`, ...env },
  });
  const exit = await child.waitForExit(170_000);
  const result = { exit, stdout: child.stdout(), stderr: child.stderr() };
  expect(result).toMatchObject({ exit: 0 });
  return result;
}
