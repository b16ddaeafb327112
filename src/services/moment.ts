import type { Timestamp } from "@bufbuild/protobuf/wkt";

/**
 * The millisecond that a time is in. Protobuf's own way rounds up, at the end of the year 9999 to
 * a time that the database cannot hold.
 */
export function momentOf({ seconds, nanos }: Timestamp): Date {
  return new Date(Number(seconds) * 1000 + Math.floor(nanos / 1_000_000));
}
