import { createHash } from "node:crypto";
import { existsSync, readdirSync, readFileSync } from "node:fs";
import { extname, join } from "node:path";

/** A file of the console, as it is sent. */
export interface ConsoleFile {
  type: string;
  etag: string;
  /** Its name says what is in it, so it never changes. */
  immutable: boolean;
  /** The forms that the build has made, by the name of their coding; "identity" is always there. */
  bodies: ReadonlyMap<string, Buffer>;
}

const types: Record<string, string> = {
  ".html": "text/html; charset=utf-8",
  ".js": "text/javascript; charset=utf-8",
  ".css": "text/css; charset=utf-8",
  ".svg": "image/svg+xml",
};

/** Best first. */
const codings = [
  ["br", ".br"],
  ["gzip", ".gz"],
  ["identity", ""],
] as const;

/**
 * The folder that `npm run build` fills. The same for the sources, in which this file
 * is src/server/, and for what is built from them, where it is dist/src/server/.
 */
export function consoleFolder(): string {
  const root = join(import.meta.dirname, "../..");
  return [join(root, "console"), join(root, "dist/console")].find(existsSync) ?? join(root, "dist/console");
}

/** Reads the built console into memory, by path below /console/; undefined when it was not built. */
export function readConsoleFiles(folder: string): ReadonlyMap<string, ConsoleFile> | undefined {
  if (!existsSync(join(folder, "index.html"))) return undefined;
  const names = readdirSync(folder, { recursive: true, encoding: "utf8" });
  return new Map(
    names
      .filter((name) => types[extname(name)] !== undefined)
      .map((name) => [name.replaceAll("\\", "/"), readConsoleFile(folder, name)]),
  );
}

function readConsoleFile(folder: string, name: string): ConsoleFile {
  const path = join(folder, name);
  const identity = readFileSync(path);
  const bodies = codings.flatMap(([coding, ending]) =>
    existsSync(path + ending) ? [[coding, readFileSync(path + ending)] as const] : [],
  );
  return {
    type: types[extname(name)] ?? "application/octet-stream",
    etag: `"${createHash("sha256").update(identity).digest("base64url").slice(0, 22)}"`,
    immutable: name.startsWith("assets"),
    bodies: new Map(bodies),
  };
}
