import type { BenchEvent } from "../event.ts";

/** One way to hand events to a side. */
export interface Driver {
  /** Resolves when the side has acknowledged all events; rejects when it has refused one. */
  send(events: BenchEvent[]): Promise<void>;
  close(): Promise<void>;
}

/** Which driver to open, in another process. */
export interface DriverSpec {
  /** A module of this folder that exports `open`. */
  module:
    | "undici-dispatch"
    | "undici-request"
    | "connect-unary"
    | "grpc-js-unary"
    | "grpc-stream"
    | "rest"
    | "bullmq"
    | "graphile-worker"
    | "pg-boss"
    | "alertmanager";
  /** Where the side is: an address, a database, and the like. */
  options: Record<string, string>;
  /** Calls that will be under way at the same time. */
  calls: number;
}

export interface DriverModule {
  open(options: Record<string, string>, calls: number): Promise<Driver>;
}

export async function openDriver({ module, options, calls }: DriverSpec): Promise<Driver> {
  const { open } = (await import(`./${module}.ts`)) as DriverModule;
  return open(options, calls);
}

/** Throws when the side has not said where it is. */
export function option(options: Record<string, string>, name: string): string {
  const value = options[name];
  if (value === undefined) throw new Error(`The driver needs ${name}`);
  return value;
}
