import { copyFileSync, cpSync, readFileSync, symlinkSync, writeFileSync } from "node:fs";
import { join, resolve } from "node:path";
import { afterEach, expect, test } from "vitest";
import { startChild } from "../support/child.ts";
import { makeTempDir, removeDir } from "../support/temp-dir.ts";

// `npm run breaking`, as it runs in CI, on protos that were changed.

const root = resolve(import.meta.dirname, "../..");
const folders: string[] = [];

afterEach(() => {
  for (const folder of folders.splice(0)) removeDir(folder);
});

/** Runs the check on a copy of the protos in which `text` of channel.proto was replaced. */
async function check(text: string, replacement: string, ...args: string[]) {
  const folder = await makeTempDir();
  folders.push(folder);
  cpSync(join(root, "proto"), join(folder, "proto"), { recursive: true });
  copyFileSync(join(root, "buf.yaml"), join(folder, "buf.yaml"));
  for (const name of ["node_modules", "scripts", "package.json"])
    symlinkSync(join(root, name), join(folder, name));
  const path = join(folder, "proto/jitsudo/notifications/v1/channel.proto");
  const before = readFileSync(path, "utf8");
  expect(before).toContain(text);
  writeFileSync(path, before.replace(text, replacement));
  const child = await startChild("node", ["scripts/check-breaking.ts", ...args], {
    cwd: folder,
    env: { ...process.env, PATH: `${root}/node_modules/.bin:${process.env.PATH}` },
  });
  return { folder, exit: await child.waitForExit(60_000), output: child.stdout() + child.stderr() };
}

const baseline = (folder: string) => readFileSync(join(folder, "proto/contract-v1.binpb"));

test("an addition passes, and --release makes it part of the released contract", async () => {
  const added = [
    "string disabled_reason = 12;",
    "string disabled_reason = 12;\n  string colour = 99;",
  ] as const;
  const checked = await check(...added);
  expect(checked).toMatchObject({ exit: 0, output: "" });
  const released = await check(...added, "--release");
  expect(released).toMatchObject({ exit: 0, output: expect.stringContaining("released contract now") });
  expect(baseline(released.folder).includes("colour")).toBe(true);
  expect(baseline(checked.folder).includes("colour")).toBe(false);
});

test.each([
  ["a field that is gone", "  string disabled_reason = 12;\n", ""],
  ["a field with another number", "string disabled_reason = 12;", "string disabled_reason = 14;"],
  ["a field with another name", "string disabled_reason = 12;", "string why_disabled = 12;"],
  ["a field of another type", "string disabled_reason = 12;", "bytes disabled_reason = 12;"],
  ["a call that is gone", "rpc GetChannel(", "rpc ReadChannel("],
])("%s fails, and cannot be released", async (_what, text, replacement) => {
  const { exit, output, folder } = await check(text, replacement, "--release");
  expect({ exit, output }).toEqual({ exit: 1, output: expect.stringContaining("channel.proto:") });
  expect(baseline(folder).equals(readFileSync(join(root, "proto/contract-v1.binpb")))).toBe(true);
});
