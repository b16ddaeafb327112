import { parseArgs } from "node:util";

export interface ChaosOptions {
  /** Events to send. */
  events: number;
  /** Processes to end with SIGKILL; the other disturbances come in proportion. */
  kills: number;
  /** Decides what is disturbed when and which events are sent; the processes' own timing stays free. */
  seed: number;
}

/** The long form has 100,000 events and 100 kills; `--short` is what the tests run. Throws for anything it does not know. */
export function readOptions(args: string[]): ChaosOptions {
  const { values } = parseArgs({
    args,
    options: {
      short: { type: "boolean", default: false },
      events: { type: "string" },
      kills: { type: "string" },
      seed: { type: "string" },
    },
  });
  return {
    events: count("events", values.events, values.short ? 3_000 : 100_000),
    kills: count("kills", values.kills, values.short ? 5 : 100),
    seed: count("seed", values.seed, 1),
  };
}

function count(name: string, text: string | undefined, defaultCount: number): number {
  if (text === undefined) return defaultCount;
  if (!/^\d{1,7}$/.test(text)) throw new Error(`--${name} must be a whole number below ten million`);
  return Number(text);
}
