/** Fails when what is made of the protos is not what `npm run generate` makes of them. */
import { execFileSync } from "node:child_process";
import { mkdtempSync, rmSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";

const fresh = mkdtempSync(join(tmpdir(), "generated-"));
try {
  execFileSync("node", ["scripts/print-validate-proto.ts"], { stdio: "inherit" });
  // The output folders of buf.gen.yaml are then inside the fresh folder.
  execFileSync("buf", ["generate", "--output", fresh], { stdio: "inherit" });
  for (const folder of ["gen", "docs/reference"]) {
    execFileSync("diff", ["--recursive", "--brief", folder, join(fresh, folder)], { stdio: "inherit" });
  }
} catch {
  process.stderr.write("That is stale: run npm run generate and commit the result\n");
  process.exitCode = 1;
} finally {
  rmSync(fresh, { recursive: true });
}
