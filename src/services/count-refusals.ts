import type { Metrics } from "../metrics.ts";
import type { Authenticate } from "./caller.ts";

/** Counts what `authenticate` turns away, by the reason. */
export function countRefusals(
  authenticate: Authenticate,
  { refusals }: Pick<Metrics, "refusals">,
): Authenticate {
  return async (...credentials) => {
    const answer = await authenticate(...credentials);
    if (answer.kind !== "ok") refusals.inc({ reason: answer.kind });
    return answer;
  };
}
