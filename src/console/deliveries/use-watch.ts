import { useEffect, useEffectEvent, useState } from "react";
import type { Delivery } from "../../../gen/jitsudo/notifications/v1/delivery_pb.js";
import { failureOf } from "../api/failure.ts";
import { useConsole } from "../app/console-context.ts";
import { maxRows, type watchRequest } from "./filter.ts";

/** Whether what is shown keeps up with what happens. */
export type Liveness = "connecting" | "live" | "lost" | "off";

interface WatchOptions {
  /** What to watch, or undefined: nothing. */
  request: ReturnType<typeof watchRequest> | undefined;
  /** Called when the stream begins without a cursor: what was read before may be out of date. */
  onBegin(): void;
}

export interface Watch {
  liveness: Liveness;
  /** The newest state of what has changed since the stream began; the latest change last. */
  changed: Delivery[];
}

/** The server says that it lives every 15 s. */
const silenceMs = 40_000;
/** Changes are shown together, however many come. */
const flushMs = 250;
const pausesMs = [500, 1_000, 2_000, 5_000, 10_000];

/** Follows the deliveries, and goes on from its cursor after a lost connection. */
export function useWatch({ request, onBegin }: WatchOptions): Watch {
  const { clients } = useConsole();
  const [liveness, setLiveness] = useState<Liveness>("connecting");
  const [changed, setChanged] = useState<Delivery[]>([]);
  const tellBegin = useEffectEvent(onBegin);
  const key = request && JSON.stringify(request);

  useEffect(() => {
    if (key === undefined) return setLiveness("off");
    const stop = new AbortController();
    const batch = createBatch((fresh) => setChanged((before) => newestOf([...before, ...fresh])));
    let cursor = "";

    async function follow(): Promise<void> {
      for (let failures = 0; !stop.signal.aborted; failures++) {
        const attempt = new AbortController();
        const onStop = () => attempt.abort();
        stop.signal.addEventListener("abort", onStop);
        const watchdog = createWatchdog(() => attempt.abort());
        try {
          const options = { signal: attempt.signal, timeoutMs: 0 };
          for await (const response of clients.deliveries.watchDeliveries(
            { ...JSON.parse(key ?? "{}"), cursor },
            options,
          )) {
            watchdog.alive();
            failures = 0;
            setLiveness("live");
            if (cursor === "") tellBegin();
            cursor = response.cursor;
            if (response.change?.delivery) batch.add(response.change.delivery);
          }
        } catch (error) {
          // A cursor from too long ago: there is no going on, only a new beginning.
          if (failureOf(error).code === "invalid_argument") cursor = "";
        }
        watchdog.stop();
        stop.signal.removeEventListener("abort", onStop);
        if (stop.signal.aborted) return;
        setLiveness("lost");
        await pause(pausesMs[Math.min(failures, pausesMs.length - 1)] ?? 0, stop.signal);
      }
    }

    setLiveness("connecting");
    setChanged([]);
    void follow();
    return () => {
      stop.abort();
      batch.stop();
    };
  }, [clients, key]);

  return { liveness, changed };
}

/** One entry a delivery; the oldest changes are forgotten. */
function newestOf(changes: Delivery[]): Delivery[] {
  const byId = new Map<string, Delivery>();
  for (const delivery of changes) {
    byId.delete(delivery.id);
    byId.set(delivery.id, delivery);
  }
  return [...byId.values()].slice(-maxRows);
}

function createBatch(flush: (deliveries: Delivery[]) => void) {
  const waiting: Delivery[] = [];
  let timer: ReturnType<typeof setTimeout> | undefined;
  return {
    add(delivery: Delivery): void {
      waiting.push(delivery);
      timer ??= setTimeout(() => {
        timer = undefined;
        flush(waiting.splice(0));
      }, flushMs);
    },
    stop: () => clearTimeout(timer),
  };
}

function createWatchdog(bark: () => void) {
  let timer = setTimeout(bark, silenceMs);
  return {
    alive(): void {
      clearTimeout(timer);
      timer = setTimeout(bark, silenceMs);
    },
    stop: () => clearTimeout(timer),
  };
}

/** Shorter when the browser says that it is online again. */
function pause(ms: number, signal: AbortSignal): Promise<void> {
  return new Promise((resolve) => {
    const done = () => {
      clearTimeout(timer);
      signal.removeEventListener("abort", done);
      window.removeEventListener("online", done);
      resolve();
    };
    const timer = setTimeout(done, ms);
    signal.addEventListener("abort", done);
    window.addEventListener("online", done);
  });
}
