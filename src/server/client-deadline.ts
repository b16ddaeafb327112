import { longestTimerMs } from "../async/abortable-sleep.ts";

const unitMs: Record<string, number> = { H: 3_600_000, M: 60_000, S: 1_000, m: 1, u: 0.001, n: 0.000_001 };

/**
 * Takes out a client's deadline that is further away than timers reach; they would
 * end the call at once. (gRPC's `grpc-timeout` can name 11,000 years.) The server's
 * own deadline is sooner anyway.
 */
export function dropEndlessDeadline(headers: Headers): Headers {
  const [, count, unit = ""] = /^(\d{1,8})([HMSmun])$/.exec(headers.get("grpc-timeout") ?? "") ?? [];
  if (Number(count) * (unitMs[unit] ?? 0) > longestTimerMs) headers.delete("grpc-timeout");
  if (Number(headers.get("connect-timeout-ms")) > longestTimerMs) headers.delete("connect-timeout-ms");
  return headers;
}
