/**
 * Fails when the protos break clients of the released contract, which is kept in
 * proto/contract-v1.binpb: a clone without history or tags has it too.
 * `npm run breaking` checks; `npm run breaking -- --release` checks and then makes
 * today's protos the released contract, as a part of a release.
 */
import { execFileSync } from "node:child_process";

const baseline = "proto/contract-v1.binpb";

try {
  execFileSync("node", ["scripts/print-validate-proto.ts"], { stdio: "inherit" });
  execFileSync("buf", ["breaking", "proto", "--against", baseline, "--exclude-imports"], {
    stdio: "inherit",
  });
  if (process.argv.includes("--release")) {
    const image = ["--output", baseline, "--exclude-source-info"];
    execFileSync("buf", ["build", "proto", ...image], { stdio: "inherit" });
    process.stdout.write(`${baseline} is the released contract now: commit it with the release\n`);
  }
} catch {
  process.stderr.write(
    `The protos break clients of the contract in ${baseline}: see docs/compatibility.md\n`,
  );
  process.exitCode = 1;
}
