import { createHeldAmounts } from "../async/held-amounts.ts";
import { tryLater } from "../services/errors.ts";
import type { Call } from "./calls.ts";

/** So many bodies of the longest kind a tenant's calls that are under way may have together. */
const longBodies = 8;
const retryAfterMs = 1_000;

/**
 * Bounds what the bodies of a tenant's calls have together, as long as the calls are under way: many
 * long ones at once would fill the memory that all share. Answers what to tell of each part of the
 * call's body; that throws where it is too much.
 */
export type BodyBound = (call: Call, tenantId: string) => (bytes: number) => void;

export function createBodyBound(maxBodyBytes: number): BodyBound {
  const max = longBodies * maxBodyBytes;
  const held = createHeldAmounts();

  return (call, tenantId) => {
    let own = 0;
    call.response.once("close", () => held.add(tenantId, -own));
    return (bytes) => {
      if (call.closed) return;
      if (held.of(tenantId) + bytes > max) {
        const message = `the tenant's calls under way may have bodies of no more than ${max} bytes together`;
        throw tryLater(message, retryAfterMs);
      }
      own += bytes;
      held.add(tenantId, bytes);
    };
  };
}
