import { existsSync, readdirSync, statSync } from "node:fs";
import { join, resolve } from "node:path";

const root = resolve(import.meta.dirname, "../../..");

/** Throws unless the built console is that of the sources. `npm install` builds it. */
export function assertFreshBuild(): void {
  const built = join(root, "dist/console/index.html");
  if (!existsSync(built)) throw new Error("The console is not built: npm run build:console");
  const folder = join(root, "src/console");
  const changed = readdirSync(folder, { recursive: true, encoding: "utf8" })
    .map((name) => join(folder, name))
    .filter((path) => statSync(path).mtimeMs > statSync(built).mtimeMs && statSync(path).isFile());
  if (changed.length > 0) {
    throw new Error(`The built console is older than ${changed.join(", ")}: npm run build:console`);
  }
}
