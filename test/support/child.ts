import { type ChildProcess, execFileSync, spawn } from "node:child_process";
import { once } from "node:events";
import { existsSync } from "node:fs";

/** An account of the operating system. */
export interface Account {
  uid: number;
  gid: number;
}

export interface ChildOptions {
  /** The whole environment of the child; default: the current one. */
  env?: NodeJS.ProcessEnv;
  cwd?: string;
  /** Run as this account; needs root. */
  account?: Account | undefined;
}

/** A process that does not outlive the tests. */
export interface Child {
  readonly pid: number;
  /** What it has written to its standard output and error so far. */
  stdout(): string;
  stderr(): string;
  running(): boolean;
  /** Resolves when the process has ended: its exit code, or the signal that ended it. */
  readonly exited: Promise<number | NodeJS.Signals>;
  signal(signal: NodeJS.Signals): void;
  /** Resolves as `exited` does; throws, and kills the process, when it takes longer. Default 30,000 ms. */
  waitForExit(timeoutMs?: number): Promise<number | NodeJS.Signals>;
  /** SIGKILL, also to a paused process; resolves when it is gone. */
  kill(): Promise<void>;
}

/** Starts a process and collects what it prints. Throws when the program cannot be started. */
export async function startChild(
  command: string,
  args: string[],
  options: ChildOptions = {},
): Promise<Child> {
  const { account, ...rest } = options;
  const [program = command, ...parameters] = dyingWithParent([command, ...args]);
  const process_ = spawn(program, parameters, { ...rest, ...account, stdio: ["ignore", "pipe", "pipe"] });
  const exited = endOf(process_);
  const stdout = collect(process_.stdout);
  const stderr = collect(process_.stderr);
  await once(process_, "spawn");
  const killNow = () => process_.kill("SIGKILL");
  process.once("exit", killNow);
  exited.then(() => process.off("exit", killNow));
  const child: Child = {
    pid: process_.pid ?? 0,
    stdout,
    stderr,
    running: () => process_.exitCode === null && process_.signalCode === null,
    exited,
    signal: (signal) => void process_.kill(signal),
    async waitForExit(timeoutMs = 30_000) {
      let late = false;
      const timer = setTimeout(() => {
        late = process_.kill("SIGKILL");
      }, timeoutMs);
      const end = await exited;
      clearTimeout(timer);
      if (late) throw new Error(`Did not end within ${timeoutMs} ms\n${report(child)}`);
      return end;
    },
    async kill() {
      killNow();
      await exited;
    },
  };
  return child;
}

/** What a child has printed, for the text of an error. */
export function report(child: Child): string {
  return `--- stdout\n${child.stdout()}\n--- stderr\n${child.stderr()}`;
}

/**
 * The account to run a server as that refuses to run as root; undefined when
 * the current user is not root. Throws when the account does not exist.
 */
export function accountUnlessRoot(name: string): Account | undefined {
  if (process.getuid?.() !== 0) return undefined;
  const id = (flag: string) => Number(execFileSync("id", [flag, name], { encoding: "utf8" }));
  return { uid: id("-u"), gid: id("-g") };
}

/**
 * A test process that is killed cannot clean up, so the kernel is asked to end
 * the child with it, where there is setpriv (util-linux). It replaces itself by
 * the command: the process id stays.
 */
function dyingWithParent(command: string[]): string[] {
  const setpriv = "/usr/bin/setpriv";
  return existsSync(setpriv) ? [setpriv, "--pdeathsig", "KILL", "--", ...command] : command;
}

function endOf(process_: ChildProcess): Promise<number | NodeJS.Signals> {
  return new Promise((resolve) => {
    // "close" comes after the last output, unlike "exit".
    process_.once("close", (code, signal) => resolve(signal ?? code ?? 0));
  });
}

function collect(stream: NodeJS.ReadableStream): () => string {
  let text = "";
  stream.setEncoding("utf8");
  stream.on("data", (chunk: string) => {
    text += chunk;
  });
  return () => text;
}
