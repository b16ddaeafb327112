import { randomFillSync } from "node:crypto";
import { MAX, NIL, v7 } from "uuid";

const randomBytes = 16;
const pool = Buffer.alloc(256 * randomBytes);
let used = pool.length;
let msecs = 0;
let seq = 0;

/**
 * UUIDv7 (RFC 9562, section 5.7), each greater than the one before. Random bytes are drawn
 * for many at a time, since a call of the system for each costs more than all the rest.
 */
export function uuidv7(): string {
  if (used === pool.length) {
    randomFillSync(pool);
    used = 0;
  }
  const random = pool.subarray(used, used + randomBytes);
  used += randomBytes;
  const now = Date.now();
  // Section 6.2, method 1: a counter within the millisecond, from a random start with room above it.
  seq = now > msecs ? random.readUInt32BE(6) >>> 1 : seq + 1;
  msecs = Math.max(now, msecs);
  return v7({ random, msecs, seq });
}

/** When a UUIDv7 was made. */
export function uuidv7Time(id: string): Date {
  return new Date(Number.parseInt(id.replaceAll("-", "").slice(0, 12), 16));
}

/** The smallest UUIDv7 of a moment: ids made before it are smaller, those made at it or later are not. */
export function uuidFloor(moment: Date): string {
  const ms = Math.min(Math.max(moment.getTime(), 0), 2 ** 48 - 1);
  const hex = ms.toString(16).padStart(12, "0");
  return `${hex.slice(0, 8)}-${hex.slice(8)}-7000-8000-000000000000`;
}

/** Before and after every UUIDv7. */
export const [firstId, lastId]: [string, string] = [NIL, MAX];
