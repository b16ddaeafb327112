import { extname } from "node:path";
import { Worker } from "node:worker_threads";
import type { Results } from "@electric-sql/pglite";
import type { Message, Request, Work } from "./thread.ts";

export type ThreadClient = Awaited<ReturnType<typeof startThread>>;

interface QueryOptions {
  rowMode?: "object" | "array";
}

/** What a transaction does its queries with. */
export interface Transaction {
  query<Row>(sql: string, params?: unknown[], options?: QueryOptions): Promise<Results<Row>>;
}

/**
 * Starts PGlite in `folder`, in a thread. Answers what MikroORM needs of a PGlite, and no more.
 * When the database ends, the process does, and recovers at its next start. Rejects when the database does not start.
 */
export async function startThread(folder: string) {
  const thread = new Worker(new URL(`./thread${extname(import.meta.filename)}`, import.meta.url), {
    workerData: folder,
  });
  const waiting = new Map<number, PromiseWithResolvers<unknown>>();
  const listeners = new Map<string, (payload: string) => void>();
  let lastId = 0;
  let closed = false;
  /**
   * Until the open transaction has ended, nobody else's statement may come in between: all look
   * at this right before they ask, with nothing awaited after.
   */
  let transaction: Promise<void> | undefined;

  await started(thread);
  thread.on("message", receive);
  thread.once("exit", () => {
    if (!closed) throw new Error("the embedded database has ended");
  });

  function receive(message: Message): void {
    if (message.kind === "ready") return;
    if (message.kind === "ended") throw new Error(`the embedded database has ended: ${message.reason}`);
    if (message.kind === "notified") {
      listeners.get(message.topic)?.(message.payload);
      return;
    }
    const request = waiting.get(message.id);
    waiting.delete(message.id);
    if (message.kind === "done") request?.resolve(message.value);
    else request?.reject(Object.assign(new Error(), message.error));
  }

  function ask<Value>(work: Work): Promise<Value> {
    if (closed) return Promise.reject(new Error("the embedded database is closed"));
    const request: Request = { ...work, id: ++lastId };
    const answer = Promise.withResolvers<unknown>();
    waiting.set(request.id, answer);
    thread.postMessage(request);
    return answer.promise as Promise<Value>;
  }

  const queryAtOnce: Transaction["query"] = (sql, params = [], options) =>
    ask({ kind: "query", sql, params, rowMode: options?.rowMode });

  return {
    ready: true,
    waitReady: Promise.resolve(),
    get closed() {
      return closed;
    },

    async query<Row>(sql: string, params?: unknown[], options?: QueryOptions): Promise<Results<Row>> {
      while (transaction) await transaction;
      return queryAtOnce(sql, params, options);
    },

    /** Several statements without parameters, as one transaction. */
    async exec(sql: string): Promise<Results[]> {
      while (transaction) await transaction;
      return ask({ kind: "exec", sql });
    },

    async transaction<Result>(work: (transaction: Transaction) => Promise<Result>): Promise<Result> {
      while (transaction) await transaction;
      const end = Promise.withResolvers<void>();
      transaction = end.promise;
      try {
        await ask({ kind: "exec", sql: "begin" });
        const result = await work({ query: queryAtOnce });
        await ask({ kind: "exec", sql: "commit" });
        return result;
      } catch (error) {
        await ask({ kind: "exec", sql: "rollback" });
        throw error;
      } finally {
        transaction = undefined;
        end.resolve();
      }
    },

    async listen(topic: string, onNotify: (payload: string) => void): Promise<() => void> {
      while (transaction) await transaction;
      listeners.set(topic, onNotify);
      await ask({ kind: "listen", topic });
      return () => listeners.delete(topic);
    },

    async close(): Promise<void> {
      if (closed) return;
      while (transaction) await transaction;
      await ask({ kind: "close" });
      closed = true;
      await thread.terminate();
    },
  };
}

function started(thread: Worker): Promise<void> {
  return new Promise((resolve, reject) => {
    thread.once("error", reject);
    thread.once("exit", () => reject(new Error("the embedded database ended at its start")));
    thread.once("message", (message: Message) => {
      thread.off("error", reject);
      if (message.kind === "ended")
        reject(new Error(`the embedded database does not start: ${message.reason}`));
      else resolve();
    });
  });
}
