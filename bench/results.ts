import type { DriverSpec } from "./drivers/driver.ts";
import type { LoadName } from "./loads.ts";
import type { Measurement } from "./measure.ts";
import type { Side } from "./sides/side.ts";

/** What one way into one side came to. */
export interface SideResult {
  side: string;
  kind: Side["kind"];
  durable: boolean;
  entry: string;
  /** The driver that handed the events over. */
  module: DriverSpec["module"];
  loads: Record<LoadName, Measurement>;
}

/** Undefined when it was not measured. */
export function findMeasurement(
  results: SideResult[],
  side: string,
  entry: string,
  load: LoadName,
): Measurement | undefined {
  return results.find((result) => result.side === side && result.entry === entry)?.loads[load];
}
