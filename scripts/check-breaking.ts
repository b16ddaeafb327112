/**
 * Fails when the protos break clients of an older version: `npm run breaking [ref]`,
 * by default the newest v* tag. Plain `buf breaking --against .git` does not find
 * the imports in node_modules, so the older version gets a folder with links to them.
 */
import { execFileSync } from "node:child_process";
import { mkdtempSync, rmSync, symlinkSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";

const ref = process.argv[2] ?? newestTag();
if (ref === undefined) process.stdout.write("There is no v* tag yet, so there is nothing to break\n");
else compareWith(ref);

function newestTag(): string | undefined {
  const tags = execFileSync("git", ["tag", "--list", "v*", "--sort=-version:refname"], { encoding: "utf8" });
  return tags.split("\n")[0] || undefined;
}

function compareWith(ref: string): void {
  const older = mkdtempSync(join(tmpdir(), "older-contract-"));
  try {
    const archive = execFileSync("git", ["archive", ref, "proto", "buf.yaml"]);
    execFileSync("tar", ["--extract", "--directory", older], { input: archive });
    symlinkSync(join(process.cwd(), "node_modules"), join(older, "node_modules"));
    symlinkSync(join(process.cwd(), "build"), join(older, "build"));
    execFileSync("node", ["scripts/print-validate-proto.ts"], { stdio: "inherit" });
    execFileSync("buf", ["breaking", "proto", "--against", join(older, "proto")], { stdio: "inherit" });
    process.stdout.write(`The protos break nothing of ${ref}\n`);
  } catch (error) {
    process.stderr.write(`${(error as Error).message}\n`);
    process.exitCode = 1;
  } finally {
    rmSync(older, { recursive: true });
  }
}
