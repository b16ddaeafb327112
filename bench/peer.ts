import { fork } from "node:child_process";
import { once } from "node:events";

/** What a process of the benchmark can be asked for: one argument, one answer. */
type Methods<Names extends string> = Record<Names, (argument: never) => Promise<unknown>>;

/** A process of the benchmark that answers calls. It ends when this one does. */
export interface Peer<M extends Methods<keyof M & string>> {
  pid: number;
  /** Rejects with what the method threw, or when the process has ended. */
  call<Name extends keyof M & string>(
    name: Name,
    argument: Parameters<M[Name]>[0],
  ): Promise<Awaited<ReturnType<M[Name]>>>;
  close(): Promise<void>;
}

interface Call {
  id: number;
  name: string;
  argument: unknown;
}

type Answer = { id: number; result: unknown } | { id: number; error: string };

interface Open {
  resolve(result: never): void;
  reject(error: Error): void;
}

/** Starts `script` (a path from this folder), which must call `servePeer`, with `args` as JSON in its arguments. */
export function startPeer<M extends Methods<keyof M & string>>(script: string, args: object = {}): Peer<M> {
  const child = fork(`${import.meta.dirname}/${script}`, [JSON.stringify(args)], {
    serialization: "advanced",
    stdio: ["ignore", "inherit", "inherit", "ipc"],
  });
  const open = new Map<number, Open>();
  let lastId = 0;

  child.on("message", (answer: Answer) => {
    const call = open.get(answer.id);
    open.delete(answer.id);
    if ("error" in answer) call?.reject(new Error(`${script}: ${answer.error}`));
    else call?.resolve(answer.result as never);
  });
  child.once("exit", (code, signal) => {
    for (const { reject } of open.values()) reject(new Error(`${script} ended with ${signal ?? code}`));
    open.clear();
  });

  return {
    pid: child.pid ?? 0,
    call: (name, argument) =>
      new Promise((resolve, reject) => {
        const call: Call = { id: ++lastId, name, argument };
        open.set(call.id, { resolve, reject });
        child.send(call, (error) => {
          if (error && open.delete(call.id)) reject(error);
        });
      }),
    async close() {
      if (child.exitCode !== null || child.signalCode !== null) return;
      const exit = once(child, "exit");
      child.kill("SIGTERM");
      await exit;
    },
  };
}

/** The arguments that `startPeer` was given. */
export function peerArguments<Args>(): Args {
  return JSON.parse(process.argv[2] ?? "{}") as Args;
}

/** Answers the calls of the process that started this one, and ends with it. */
export function servePeer<M extends Methods<keyof M & string>>(methods: M): void {
  process.on("message", async ({ id, name, argument }: Call) => {
    const answer = await methods[name as keyof M & string](argument as never).then(
      (result): Answer => ({ id, result }),
      (error: Error): Answer => ({ id, error: error.stack ?? error.message }),
    );
    process.send?.(answer);
  });
  process.once("disconnect", () => process.exit());
}
