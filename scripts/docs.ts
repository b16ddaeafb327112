/** Writes the documents that are made of code: `npm run docs`. */
import { mkdirSync, rmSync, writeFileSync } from "node:fs";
import { dirname } from "node:path";
import { generatedDocuments } from "./docs/generated.ts";

rmSync("docs/recipes/bruno", { recursive: true, force: true });
for (const [path, text] of generatedDocuments()) {
  mkdirSync(dirname(path), { recursive: true });
  writeFileSync(path, text);
}
