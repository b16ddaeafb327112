import type { Instruments } from "../measure.ts";
import type { Options } from "../options.ts";
import type { SideResult } from "../results.ts";
import type { Surroundings } from "../sides/side.ts";

/** Two figures that belong together. */
export interface Comparison {
  what: string;
  unit: string;
  /** The figure in question, and the one to which it is put in relation. */
  subject: { label: string; value: number };
  reference: { label: string; value: number };
}

export interface ComparisonContext {
  instruments: Instruments;
  surroundings: Surroundings;
  options: Options;
  /** What was measured before. */
  results: SideResult[];
}

export interface Comparer {
  name: string;
  /** What is not installed, or was not measured. */
  missing(results: SideResult[]): string[];
  compare(context: ComparisonContext): Promise<Comparison[]>;
}
