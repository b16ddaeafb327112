import type { BenchEvent } from "../event.ts";

/** What the libraries' jobs hold: the event, and to which of the sink's paths it goes. */
export interface NoticeJob {
  path: number;
  event: BenchEvent;
}

/** What a worker process is told. */
export interface WorkerArguments {
  /** URL of the Redis or PostgreSQL that holds the queue. */
  queue: string;
  sink: string;
  /** Jobs under way at the same time. */
  concurrency: number;
}

export type WorkerMethods = {
  /** Resolves when the worker takes jobs. */
  start(_: undefined): Promise<void>;
};
