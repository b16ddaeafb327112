import fs from "node:fs";
import { syncBuiltinESMExports } from "node:module";

// Loaded before a service: it takes long to remove the socket that a process before has left, and
// makes the file REMOVING when it begins with that.

const { REMOVING: removing = "" } = process.env;
const { rmSync } = fs;

fs.rmSync = (path, options) => {
  if (String(path).endsWith("control.sock")) {
    fs.writeFileSync(removing, "");
    Atomics.wait(new Int32Array(new SharedArrayBuffer(4)), 0, 0, 6_000);
  }
  rmSync(path, options);
};
syncBuiltinESMExports();
