/** Fails when gen/ is not what `npm run generate` makes of the protos. */
import { execFileSync } from "node:child_process";
import { mkdtempSync, rmSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";

const fresh = mkdtempSync(join(tmpdir(), "generated-"));
try {
  execFileSync("node", ["scripts/print-validate-proto.ts"], { stdio: "inherit" });
  // The output folder of buf.gen.yaml, "gen", is then one inside the fresh folder.
  execFileSync("buf", ["generate", "--output", fresh], { stdio: "inherit" });
  execFileSync("diff", ["--recursive", "--brief", "gen", join(fresh, "gen")], { stdio: "inherit" });
} catch {
  process.stderr.write("gen/ is stale: run npm run generate and commit the result\n");
  process.exitCode = 1;
} finally {
  rmSync(fresh, { recursive: true });
}
