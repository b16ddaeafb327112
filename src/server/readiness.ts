import type { Logger } from "pino";
import { describeError } from "./describe-error.ts";

type ReadyState = "ready" | "not_ready" | "stopping";

export interface Readiness {
  /** Never rejects. */
  state(): Promise<ReadyState>;
  /** From now on the state is "stopping". */
  stop(): void;
  /** Resolves after `ms`, or as soon as the server stops. */
  pause(ms: number): Promise<void>;
}

/** How long an answer is good for, in milliseconds: whoever asks may ask often, and without a key. */
const freshMs = 500;
/** How long the check may take before it counts as failed, in milliseconds. */
const checkTimeoutMs = 5000;

export function createReadiness({ ready, log }: { ready(): Promise<void>; log: Logger }): Readiness {
  const pauses = new Set<() => void>();
  let stopping = false;
  let checkedAt = Number.NEGATIVE_INFINITY;
  let check: Promise<ReadyState> | undefined;
  let last: ReadyState = "ready";

  return {
    async state() {
      if (stopping) return "stopping";
      if (!check || performance.now() - checkedAt > freshMs) {
        checkedAt = performance.now();
        check = runCheck();
      }
      const state = await check;
      return stopping ? "stopping" : state;
    },
    stop() {
      stopping = true;
      for (const end of pauses) end();
    },
    pause(ms) {
      return new Promise((resolve) => {
        const timer = setTimeout(end, stopping ? 0 : ms).unref();
        pauses.add(end);
        function end(): void {
          clearTimeout(timer);
          pauses.delete(end);
          resolve();
        }
      });
    },
  };

  async function runCheck(): Promise<ReadyState> {
    let timer: NodeJS.Timeout | undefined;
    const tooLate = new Promise<never>((_resolve, reject) => {
      timer = setTimeout(() => reject(new Error("the check took too long")), checkTimeoutMs).unref();
    });
    try {
      await Promise.race([ready(), tooLate]);
      if (last !== "ready") log.info("ready again");
      last = "ready";
    } catch (error) {
      if (last === "ready") log.warn({ error: describeError(error) }, "not ready");
      last = "not_ready";
    } finally {
      clearTimeout(timer);
    }
    return last;
  }
}
