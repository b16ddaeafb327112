import { useCallback, useEffect, useEffectEvent, useState } from "react";
import { type Failure, failureOf } from "./failure.ts";

/** Something that comes from the service. */
export interface Loaded<Value> {
  /** The newest; stays when a later call fails. */
  value: Value | undefined;
  /** Why the last call failed. */
  failure: Failure | undefined;
  reload(): void;
  /** Puts something newer in its place, for example the answer to an update. */
  replace(value: Value): void;
}

interface State<Value> {
  key: string;
  value?: Value;
  failure?: Failure;
}

/**
 * Calls `load` at first, whenever `key` changes, and again `everyMs` after each answer
 * while the page is visible (default: never). An answer that comes too late is dropped.
 */
export function useLoad<Value>(
  key: string,
  load: (signal: AbortSignal) => Promise<Value>,
  { everyMs = 0 }: { everyMs?: number } = {},
): Loaded<Value> {
  const [state, setState] = useState<State<Value>>({ key });
  const [round, setRound] = useState(0);
  const call = useEffectEvent(load);

  // biome-ignore lint/correctness/useExhaustiveDependencies: a new round is a call for the same.
  useEffect(() => {
    const abort = new AbortController();
    let timer: ReturnType<typeof setTimeout> | undefined;
    async function run() {
      const next = await attempt(() => call(abort.signal));
      if (abort.signal.aborted) return;
      setState((before) => ({ ...(before.key === key && keep(before)), ...next, key }));
      if (everyMs > 0) timer = setTimeout(runVisible, everyMs);
    }
    function runVisible() {
      if (document.hidden) timer = setTimeout(runVisible, everyMs);
      else void run();
    }
    void run();
    return () => {
      abort.abort();
      clearTimeout(timer);
    };
  }, [key, round, everyMs]);

  const reload = useCallback(() => setRound((last) => last + 1), []);
  const replace = useCallback((value: Value) => setState({ key, value }), [key]);
  const current = state.key === key ? state : undefined;
  return { value: current?.value, failure: current?.failure, reload, replace };
}

function keep<Value>({ value }: State<Value>): { value?: Value } {
  return value === undefined ? {} : { value };
}

async function attempt<Value>(call: () => Promise<Value>): Promise<{ value: Value } | { failure: Failure }> {
  try {
    return { value: await call() };
  } catch (error) {
    return { failure: failureOf(error) };
  }
}
