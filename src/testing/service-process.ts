// The service as the child of a test: it ends with the process that started it, however that ended.
process.stdin.on("end", () => process.kill(process.pid, "SIGTERM")).resume();

await import("../main.ts");
