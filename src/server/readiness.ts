import type { Logger } from "pino";
import { abortableSleep } from "../async/abortable-sleep.ts";
import { withinMs } from "../async/within-ms.ts";
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
  const stopping = new AbortController();
  let checkedAt = Number.NEGATIVE_INFINITY;
  let check: Promise<ReadyState> | undefined;
  let last: ReadyState = "ready";

  return {
    async state() {
      if (stopping.signal.aborted) return "stopping";
      if (!check || performance.now() - checkedAt > freshMs) {
        checkedAt = performance.now();
        check = runCheck();
      }
      const state = await check;
      return stopping.signal.aborted ? "stopping" : state;
    },
    stop: () => stopping.abort(),
    pause: (ms) => abortableSleep(ms, stopping.signal),
  };

  async function runCheck(): Promise<ReadyState> {
    try {
      const checked = ready().then(() => true);
      if (!(await withinMs(checkTimeoutMs, checked))) throw new Error("the check took too long");
      if (last !== "ready") log.info("ready again");
      last = "ready";
    } catch (error) {
      if (last === "ready") log.warn({ error: describeError(error) }, "not ready");
      last = "not_ready";
    }
    return last;
  }
}
