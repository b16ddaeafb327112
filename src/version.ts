import { readFileSync } from "node:fs";
import { findPackageJSON } from "node:module";

/** The service's version, from the package.json above this file, built or not. */
export const version: string = versionIn(findPackageJSON(import.meta.url) ?? "package.json");

function versionIn(file: string): string {
  return (JSON.parse(readFileSync(file, "utf8")) as { version: string }).version;
}
