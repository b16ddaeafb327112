import { closeSync, existsSync, fsyncSync, openSync, readdirSync } from "node:fs";
import { join } from "node:path";
import type { PGlite } from "@electric-sql/pglite";
import { NodeFS } from "@electric-sql/pglite/nodefs";

/** What is used of Emscripten's NODEFS. */
interface NodeFiles {
  realPath(node: object): string;
  stream_ops: {
    fsync?(stream: { node: object; nfd?: number }): number;
  };
}

/**
 * A folder for PGlite whose contents outlive a loss of power, once PostgreSQL has been told so:
 * PGlite's own way answers `fsync` without doing anything. `end` is called with the reason when
 * PostgreSQL cannot go on; PGlite itself would hang.
 */
export class DurableFiles extends NodeFS {
  /** PGlite's start parameters, but with `fsync`. Emscripten passes no `fdatasync` on. */
  static startParams(defaults: string[]): string[] {
    return [...defaults.filter((param) => param !== "-F"), "-c", "wal_sync_method=fsync"];
  }

  /** Why PostgreSQL could not go on, in its own words. */
  lastWords: string | undefined;
  readonly #isNew: boolean;
  readonly #end: (reason: string) => never;

  constructor(folder: string, end: (reason: string) => never) {
    super(folder);
    this.#end = end;
    this.#isNew = !existsSync(join(folder, "PG_VERSION"));
  }

  override async init(pglite: PGlite, options: Parameters<NodeFS["init"]>[1]): ReturnType<NodeFS["init"]> {
    const { emscriptenOpts } = await super.init(pglite, options);
    emscriptenOpts.printErr = (line: string) => {
      this.lastWords = /\b(?:FATAL|PANIC): +(.*)/.exec(line)?.[1] ?? this.lastWords;
    };
    emscriptenOpts.onAbort = (what: unknown) => this.#end(this.lastWords ?? String(what));
    emscriptenOpts.preRun?.push(({ FS }: { FS: { filesystems: object } }) => {
      const { NODEFS } = FS.filesystems as { NODEFS: NodeFiles };
      NODEFS.stream_ops.fsync = ({ node, nfd }) => {
        // A folder has no descriptor.
        this.#orEnd(() => (nfd === undefined ? syncPath(NODEFS.realPath(node)) : fsyncSync(nfd)));
        return 0;
      };
    });
    return { emscriptenOpts };
  }

  /**
   * What could not be forced to disk may be lost, and trying again would not tell: like PostgreSQL
   * itself (`data_sync_retry`), end, and recover at the next start from what the log has.
   */
  #orEnd(sync: () => void): void {
    try {
      sync();
    } catch (error) {
      this.#end((error as Error).message);
    }
  }

  /** To be called after the start: a new database is copied into its folder without `fsync`. */
  syncIfNew(): void {
    if (!this.#isNew) return;
    for (const name of ["", ...readdirSync(this.rootDir, { recursive: true, encoding: "utf8" })]) {
      syncPath(join(this.rootDir, name));
    }
  }
}

function syncPath(path: string): void {
  const descriptor = openSync(path, "r");
  try {
    fsyncSync(descriptor);
  } finally {
    closeSync(descriptor);
  }
}
