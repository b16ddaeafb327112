import { parentPort, workerData } from "node:worker_threads";
import { PGlite, types } from "@electric-sql/pglite";
import { DurableFiles } from "./durable-files.ts";

// Runs PGlite in a thread of its own: a long statement holds up no call, lease or health check.

/** What the thread is asked for. It is answered under the same id, in the order of the requests. */
export type Request = { id: number } & Work;

export type Work =
  | { kind: "query"; sql: string; params: unknown[]; rowMode?: "object" | "array" | undefined }
  /** Statements without parameters, as one transaction. */
  | { kind: "exec"; sql: string }
  | { kind: "listen"; topic: string }
  | { kind: "close" };

export type Message =
  | { kind: "ready" }
  | { kind: "done"; id: number; value: unknown }
  | { kind: "failed"; id: number; error: Record<string, unknown> }
  | { kind: "notified"; topic: string; payload: string }
  /** Nothing can be expected of the database any more, nor of the thread. */
  | { kind: "ended"; reason: string };

if (!parentPort) throw new Error("runs as a thread only");
const port = parentPort;
const tell = (message: Message) => port.postMessage(message);

const noSpace = 51;
const asText = (text: string) => text;
const fs = new DurableFiles(workerData as string, end);
const pglite = await PGlite.create({
  fs,
  startParams: DurableFiles.startParams(PGlite.defaultStartParams),
  // As MikroORM wants them.
  parsers: {
    [types.DATE]: asText,
    [types.TIMESTAMP]: asText,
    [types.TIMESTAMPTZ]: asText,
    [types.INTERVAL]: asText,
  },
}).catch((error: Error | { errno: number }) => end(fs.lastWords ?? reasonOf(error)));
fs.syncIfNew();

port.on("message", async (request: Request) => {
  const { id } = request;
  try {
    tell({ kind: "done", id, value: await carryOut(request) });
  } catch (error) {
    if ((error as Error).name === "RuntimeError")
      end(`a trap in the WebAssembly: ${(error as Error).message}`);
    const { message, code, detail, constraint, table, column } = error as Error & Record<string, unknown>;
    tell({ kind: "failed", id, error: { message, code, detail, constraint, table, column } });
  }
});
tell({ kind: "ready" });

/** What the files themselves refuse has no text, but a number of WASI's `errno`. */
function reasonOf(error: Error | { errno: number }): string {
  if (!("errno" in error)) return error.message;
  return error.errno === noSpace ? "no space left on device" : `WASI's errno ${error.errno}`;
}

/** At once: PGlite may be in a loop that it would not leave. */
function end(reason: string): never {
  tell({ kind: "ended", reason });
  process.exit(1);
}

async function carryOut(work: Work): Promise<unknown> {
  switch (work.kind) {
    case "query":
      return pglite.query(work.sql, work.params, work.rowMode && { rowMode: work.rowMode });
    case "exec":
      return pglite.exec(work.sql);
    case "listen": {
      const { topic } = work;
      await pglite.listen(topic, (payload) => tell({ kind: "notified", topic, payload }));
      return;
    }
    case "close":
      return pglite.close();
  }
}
