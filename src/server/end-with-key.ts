import { repeat } from "../async/repeat.ts";
import { apiError } from "../services/errors.ts";
import type { Call } from "./calls.ts";

/** How often the key of a stream is looked at again, in milliseconds. */
const recheckMs = 1_000;

/**
 * Ends a stream when its key is revoked or expires: the gate asks about a key but once, and a
 * stream may go on for weeks.
 */
export function endWithKey(call: Call, isKeyGood: () => Promise<boolean>): void {
  // While the database is away nobody can say, and a stream can do nothing either.
  const checks = repeat(recheckMs, check, () => undefined);
  const stop = () => void checks.close();
  if (call.closed) stop();
  call.response.once("close", stop);

  async function check(): Promise<void> {
    if (await isKeyGood()) return;
    stop();
    call.abort(apiError("unauthenticated", "the key in X-API-Key was revoked or has expired"));
  }
}
