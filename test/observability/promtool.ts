import { execFile } from "node:child_process";
import { existsSync } from "node:fs";
import { promisify } from "node:util";

const program = "/usr/bin/promtool";

export interface Verdict {
  ok: boolean;
  output: string;
}

/** Prometheus's own judge of rules, queries and metrics. Throws when it is not installed. */
export async function promtool(args: string[], input = ""): Promise<Verdict> {
  if (!existsSync(program)) {
    throw new Error(
      "The tests need promtool: install the Debian package prometheus (apt-get install --no-install-recommends prometheus)",
    );
  }
  const running = promisify(execFile)(program, args);
  running.child.stdin?.end(input);
  return running.then(
    ({ stdout, stderr }) => ({ ok: true, output: stdout + stderr }),
    (error: Error & { stdout?: string; stderr?: string }) => {
      if (error.stdout === undefined) throw error;
      return { ok: false, output: error.stdout + error.stderr };
    },
  );
}
