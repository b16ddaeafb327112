import type { DriverSpec } from "../drivers/driver.ts";

/** How events can be handed to a side that runs. */
export interface Entry {
  /** For the report. */
  name: string;
  module: DriverSpec["module"];
  options: Record<string, string>;
}

/** A system under measurement, with everything that belongs to it. */
export interface RunningSide {
  entries: Entry[];
  close(): Promise<void>;
}

/** What every side is given. */
export interface Surroundings {
  /** Origin of the sink; a notice goes to its path `/0`, fanned out also to `/1` and `/2`. */
  sink: string;
  /** Notices that may be under way at the same time. */
  concurrency: number;
  /** Folder for CPU profiles of the service's processes. */
  profileDir: string | undefined;
}

export interface Side {
  name: string;
  /** "limit", what is compared, or what it is compared with. */
  kind: "limit" | "service" | "alternative";
  /** Whether an acknowledged event survives a crash. */
  durable: boolean;
  /** What is not installed. */
  missing(): string[];
  start(surroundings: Surroundings): Promise<RunningSide>;
}

/** Closes in the reverse order of the starts, whatever fails, and then throws the first failure. */
export async function closeAll(parts: { close(): Promise<unknown> }[]): Promise<void> {
  const results = [];
  for (const part of parts.toReversed()) results.push(await Promise.allSettled([part.close()]));
  const failed = results.flat().find((result) => result.status === "rejected");
  if (failed) throw failed.reason;
}

/**
 * Collects what a start has made, and closes it when a later step of the start
 * fails.
 */
export async function startTogether<Result>(
  start: (parts: { close(): Promise<unknown> }[]) => Promise<Result>,
): Promise<Result & { close(): Promise<void> }> {
  const parts: { close(): Promise<unknown> }[] = [];
  try {
    return { ...(await start(parts)), close: () => closeAll(parts) };
  } catch (error) {
    await closeAll(parts);
    throw error;
  }
}
