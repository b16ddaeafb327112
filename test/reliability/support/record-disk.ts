import fs from "node:fs";
import { syncBuiltinESMExports } from "node:module";
import { dirname, join, relative } from "node:path";
import { threadId } from "node:worker_threads";

// Loaded before a service, in each of its threads: whatever it forces to disk below the folder
// RECORDED is copied to RECORD, which then is what a loss of power leaves at its worst. Contents are
// kept by inode, names with their folder; each by renaming, since the service may be killed at any time.

const { RECORDED: recorded = "", RECORD: record = "" } = process.env;
const { fsyncSync } = fs;
for (const part of ["contents", "names", "unfinished"]) fs.mkdirSync(join(record, part), { recursive: true });

fs.fsyncSync = (descriptor) => {
  fsyncSync(descriptor);
  const path = fs.readlinkSync(`/proc/self/fd/${descriptor}`);
  if (!path.startsWith(recorded)) return;
  const { ino } = fs.fstatSync(descriptor);
  if (fs.fstatSync(descriptor).isDirectory()) recordFolder(path);
  else {
    put("contents", String(ino), (unfinished) => fs.copyFileSync(path, unfinished));
    recordName(path, String(ino));
  }
};
syncBuiltinESMExports();

function recordFolder(folder: string): void {
  for (const nameFile of fs.readdirSync(join(record, "names"))) {
    const path = join(recorded, decodeURIComponent(nameFile));
    if (dirname(path) === folder && !fs.existsSync(path)) fs.rmSync(join(record, "names", nameFile));
  }
  for (const entry of fs.readdirSync(folder, { withFileTypes: true })) {
    const path = join(folder, entry.name);
    recordName(path, entry.isDirectory() ? "folder" : String(fs.statSync(path).ino));
  }
}

function recordName(path: string, content: string): void {
  const name = encodeURIComponent(relative(recorded, path));
  put("names", name, (unfinished) => fs.writeFileSync(unfinished, content));
}

function put(part: "contents" | "names", name: string, write: (path: string) => void): void {
  const unfinished = join(record, "unfinished", String(threadId));
  write(unfinished);
  fs.renameSync(unfinished, join(record, part, name));
}
