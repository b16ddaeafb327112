import { rmSync } from "node:fs";

// The service as the child of a test: it ends with the process that started it, however that
// ended, and then leaves nothing behind.
process.stdin.on("end", () => process.kill(process.pid, "SIGTERM")).resume();
process.on("exit", () => rmSync(process.env.JITSUDO_DATA_DIR ?? "", { recursive: true, force: true }));

await import("../main.ts");
