/** Milliseconds of the machine's monotonic clock, which all processes share (`performance.now` starts anew in each). */
export function nowMs(): number {
  return Number(process.hrtime.bigint()) / 1e6;
}
