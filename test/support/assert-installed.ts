import { existsSync } from "node:fs";

/** Throws the error that says what to install when a program is not there. */
export function assertInstalled(program: string, name: string, debianPackage: string): void {
  if (existsSync(program)) return;
  throw new Error(
    `The tests need ${name}: install the Debian package ${debianPackage} (apt-get install ${debianPackage})`,
  );
}
