/**
 * The smallest UUIDv7 (RFC 9562, 5.7) of a moment: ids made before it are smaller,
 * those made at it or later are not.
 */
export function uuidFloor(moment: Date): string {
  const ms = Math.min(Math.max(moment.getTime(), 0), 2 ** 48 - 1);
  const hex = ms.toString(16).padStart(12, "0");
  return `${hex.slice(0, 8)}-${hex.slice(8)}-7000-8000-000000000000`;
}

export const firstId = "00000000-0000-0000-0000-000000000000";
export const lastId = "ffffffff-ffff-ffff-ffff-ffffffffffff";
