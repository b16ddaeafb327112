import { useState } from "react";
import { type Failure, failureOf } from "./failure.ts";

/** Something that the user has the service do. */
export interface Action<Input, Output> {
  /** Answers undefined when it failed; `failure` says why. */
  run(input: Input): Promise<Output | undefined>;
  busy: boolean;
  failure: Failure | undefined;
  clear(): void;
}

export function useAction<Input, Output>(act: (input: Input) => Promise<Output>): Action<Input, Output> {
  const [busy, setBusy] = useState(false);
  const [failure, setFailure] = useState<Failure | undefined>();
  return {
    busy,
    failure,
    clear: () => setFailure(undefined),
    async run(input) {
      setBusy(true);
      setFailure(undefined);
      try {
        return await act(input);
      } catch (error) {
        setFailure(failureOf(error));
        return undefined;
      } finally {
        setBusy(false);
      }
    },
  };
}
