import { Command, InvalidArgumentError, Option } from "commander";
import { comparisons } from "./comparisons/comparisons.ts";
import { sides } from "./sides/sides.ts";

export interface Options {
  /** Names of the sides and of the comparisons that are wanted. */
  sides: string[];
  comparisons: string[];
  /** Events of one run at full speed; a fifth of them where each is a call of its own. */
  events: number;
  /** Calls, and notices, under way at the same time. */
  concurrency: number;
  /** Events in one call, where calls with several are measured. */
  batch: number;
  /** Events a second of the run that measures latency, and its length. */
  rate: number;
  seconds: number;
  /** Runs at full speed of which the median is taken. */
  repeat: number;
  /** Break-glass events, and the notices that wait before them. */
  urgent: number;
  backlog: number;
  /** Finished deliveries in the database. */
  oldRows: number;
  /** Where the results go as JSON. */
  json?: string;
  /** Where the service's processes leave their CPU profiles. */
  profileDir?: string;
}

type Sizes = Pick<Options, "events" | "seconds" | "repeat" | "urgent" | "backlog" | "oldRows">;

const usual: Sizes = {
  events: 20_000,
  seconds: 10,
  repeat: 3,
  urgent: 200,
  backlog: 100_000,
  oldRows: 500_000,
};
const long: Sizes = { ...usual, events: 50_000, seconds: 30, repeat: 5, urgent: 500, oldRows: 5_000_000 };
/** Says that everything works, and nothing about speed. */
const short: Sizes = { events: 200, seconds: 0.25, repeat: 1, urgent: 10, backlog: 300, oldRows: 1_000 };

/** Reads the command line. Prints what is wrong with it, or help, and ends the process when there is cause. */
export function readOptions(args: string[]): Options {
  const command = new Command("npm run bench --")
    .description("Measures the service beside its alternatives, on this machine and in one run.")
    .addOption(listOf("--sides <names>", "what to measure", sides.map(nameOf)))
    .addOption(listOf("--comparisons <names>", "what to compare beside that", comparisons.map(nameOf)))
    .option("--short", "a minute, to see that it works; its figures mean nothing")
    .option("--long", "hours: more events, and 5,000,000 old rows")
    .addOption(numberOption("--events <count>", "events of one run at full speed (a fifth, one a call)"))
    .addOption(
      numberOption("--concurrency <count>", "calls and notices under way at the same time").default(64),
    )
    .addOption(numberOption("--batch <count>", "events in one call, where several go together").default(64))
    .addOption(numberOption("--rate <count>", "events a second where latency is measured").default(200))
    .addOption(numberOption("--seconds <count>", "length of that run"))
    .addOption(numberOption("--repeat <count>", "runs at full speed, of which the median counts"))
    .addOption(numberOption("--urgent <count>", "break-glass events beside a backlog"))
    .addOption(numberOption("--backlog <count>", "notices that wait in it"))
    .addOption(numberOption("--old-rows <count>", "finished deliveries in the database"))
    .option("--json <file>", "write the results as JSON, too")
    .option("--profile-dir <folder>", "have the service's processes write CPU profiles")
    .parse(args);
  const { short: isShort, long: isLong, ...given } = command.opts<Options & { short?: true; long?: true }>();
  return { ...(isShort ? short : isLong ? long : usual), ...given };
}

function listOf(flags: string, description: string, names: string[]): Option {
  const check = (value: string) => {
    const chosen = value.split(",").filter(Boolean);
    const unknown = chosen.find((name) => !names.includes(name));
    if (unknown) throw new InvalidArgumentError(`There is no ${unknown}.`);
    return chosen;
  };
  return new Option(flags, `${description}: ${names.join(", ")}`).default(names, "all").argParser(check);
}

function numberOption(flags: string, description: string): Option {
  return new Option(flags, description).argParser((value) => {
    const number = Number(value);
    if (!(number > 0)) throw new InvalidArgumentError("It must be a positive number.");
    return number;
  });
}

function nameOf({ name }: { name: string }): string {
  return name;
}
