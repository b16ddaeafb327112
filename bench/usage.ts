import { readdirSync, readFileSync } from "node:fs";

/** Linux counts processor time in these, whatever the kernel's own tick is (`man 5 proc`). */
const ticksPerSecond = 100;

/** The processes that have started from `root`, at any remove. */
export function descendantsOf(root: number): number[] {
  const children = new Map<number, number[]>();
  for (const pid of readdirSync("/proc")
    .filter((name) => /^\d+$/.test(name))
    .map(Number)) {
    const parent = Number(statOf(pid)?.[1]);
    if (Number.isInteger(parent)) children.set(parent, [...(children.get(parent) ?? []), pid]);
  }
  const below = (pid: number): number[] =>
    (children.get(pid) ?? []).flatMap((child) => [child, ...below(child)]);
  return below(root);
}

/** Processor seconds, user and system, that processes have used, with those of their children that have ended. */
export function cpuSecondsOf(pids: number[]): number {
  const ticks = pids.map((pid) => {
    const [utime = 0, stime = 0, cutime = 0, cstime = 0] = statOf(pid)?.slice(11, 15).map(Number) ?? [];
    return utime + stime + cutime + cstime;
  });
  return ticks.reduce((sum, value) => sum + value, 0) / ticksPerSecond;
}

/** Resident memory in MB; what processes share is counted once (PSS). */
export function memoryMbOf(pids: number[]): number {
  const kilobytes = pids.map((pid) => {
    const rollup = read(`/proc/${pid}/smaps_rollup`);
    return Number(/^Pss:\s+(\d+)/m.exec(rollup ?? "")?.[1] ?? 0);
  });
  return kilobytes.reduce((sum, value) => sum + value, 0) / 1024;
}

/** The fields of `/proc/<pid>/stat` after the command's name, which may hold anything. */
function statOf(pid: number): string[] | undefined {
  const stat = read(`/proc/${pid}/stat`);
  return stat?.slice(stat.lastIndexOf(")") + 2).split(" ");
}

/** Undefined when the process has ended meanwhile. */
function read(path: string): string | undefined {
  try {
    return readFileSync(path, "utf8");
  } catch (error) {
    if (["ENOENT", "ESRCH", "EACCES"].includes((error as NodeJS.ErrnoException).code ?? "")) return undefined;
    throw error;
  }
}
