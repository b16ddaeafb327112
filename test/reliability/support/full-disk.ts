import fs from "node:fs";

// Loaded before a service, in each of its threads: whatever the file FULL names, a folder of the
// embedded database, takes no more writes while that file exists.

const { FULL: full = "" } = process.env;
const { writeSync } = fs;

function write(descriptor: number, ...args: [NodeJS.ArrayBufferView, number, number, number]): number {
  const folder = fs.existsSync(full) && fs.readFileSync(full, "utf8");
  if (folder && fs.readlinkSync(`/proc/self/fd/${descriptor}`).includes(`/postgres/${folder}/`)) {
    throw Object.assign(new Error("ENOSPC: no space left on device, write"), { code: "ENOSPC" });
  }
  return writeSync(descriptor, ...args);
}

fs.writeSync = write as typeof writeSync;
