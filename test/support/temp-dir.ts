import { mkdtempSync, rmSync } from "node:fs";
import { chown } from "node:fs/promises";
import { tmpdir } from "node:os";
import { join } from "node:path";
import type { Account } from "./child.ts";

/** Makes an empty directory that `owner` (default: the current user) can write to. */
export async function makeTempDir(owner?: Account): Promise<string> {
  const dir = mkdtempSync(join(tmpdir(), "jitsudo-test-"));
  if (owner) await chown(dir, owner.uid, owner.gid);
  return dir;
}

/** Removes the directory and what is in it. */
export function removeDir(dir: string): void {
  rmSync(dir, { recursive: true, force: true, maxRetries: 5 });
}

/** Runs `fn` with an empty directory that is gone afterwards. */
export async function withTempDir<Result>(fn: (dir: string) => Promise<Result>): Promise<Result> {
  const dir = await makeTempDir();
  try {
    return await fn(dir);
  } finally {
    removeDir(dir);
  }
}
