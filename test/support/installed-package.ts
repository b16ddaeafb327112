import { execFile } from "node:child_process";
import { cp, mkdir, symlink, writeFile } from "node:fs/promises";
import { join, resolve } from "node:path";
import { promisify } from "node:util";
import { makeTempDir, removeDir } from "./temp-dir.ts";

const run = promisify(execFile);
const root = resolve(import.meta.dirname, "../..");

/** A project that has nothing but the package as it would be published. */
export interface InstalledPackage {
  /** The project's folder. */
  folder: string;
  /** The paths in the package, from its root. */
  files: string[];
  /** Runs a TypeScript or JavaScript file of the project on this Node; returns what it printed. */
  node(...args: string[]): Promise<string>;
  /** Checks the types of the project's files and names every file it read; throws with what tsc printed. */
  tsc(...files: string[]): Promise<string[]>;
  remove(): void;
}

/** Packs the working tree, and installs the result with its dependencies by npm. */
export async function installPackage(): Promise<InstalledPackage> {
  const home = await makeTempDir();
  const { tarball, files } = await pack(join(home, "source"));
  const folder = join(home, "project");
  await mkdir(folder);
  await writeFile(join(folder, "package.json"), JSON.stringify({ private: true, type: "module" }));
  const npm = (...args: string[]) => run("npm", args, { cwd: folder, maxBuffer: 1e8 });
  // No install script of the package's dependencies is needed to use it.
  await npm("install", "--prefer-offline", "--ignore-scripts", "--no-audit", "--no-fund", tarball);
  const options = [
    ...[
      "--noEmit",
      "--listFiles",
      "--strict",
      "--exactOptionalPropertyTypes",
      "--target",
      "es2024",
      "--module",
      "nodenext",
    ],
    ...["--types", "node", "--allowImportingTsExtensions", "--erasableSyntaxOnly", "--verbatimModuleSyntax"],
  ];
  return {
    folder,
    files,
    node: async (...args) => (await run(process.execPath, args, { cwd: folder })).stdout,
    async tsc(...files) {
      const tsc = run(join(root, "node_modules/.bin/tsc"), [...options, ...files], {
        cwd: folder,
        maxBuffer: 1e8,
      });
      const { stdout } = await tsc.catch((error) => {
        throw new Error(error.stdout);
      });
      return stdout.split("\n");
    },
    remove: () => removeDir(home),
  };
}

/** Of a copy: packing builds `dist`, which others may be using in the working tree. */
async function pack(source: string): Promise<{ tarball: string; files: string[] }> {
  const parts = [
    "src",
    "gen",
    "proto",
    "package.json",
    "tsconfig.json",
    "tsconfig.build.json",
    "README.md",
    "LICENSE",
  ];
  for (const part of parts) await cp(join(root, part), join(source, part), { recursive: true });
  await symlink(join(root, "node_modules"), join(source, "node_modules"));
  const { stdout } = await run("npm", ["pack", "--json", "--foreground-scripts=false"], {
    cwd: source,
    maxBuffer: 1e8,
  });
  // npm 11 prints a list, npm 12 an object by package name.
  const [packed] = Object.values(JSON.parse(stdout)) as { filename: string; files: { path: string }[] }[];
  if (!packed) throw new Error(`npm pack printed ${stdout}`);
  return { tarball: join(source, packed.filename), files: packed.files.map(({ path }) => path) };
}
