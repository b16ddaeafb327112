import { createChaos } from "./chaos.ts";
import { readOptions } from "./options.ts";
import { printReport } from "./report.ts";

// Disturbs a whole deployment while events stream in, and then compares what was
// acknowledged with what arrived. Exit code 1: something was lost or contradicts itself.

const outcome = await createChaos(readOptions(process.argv.slice(2)), (line) => console.log(line));
process.exitCode = printReport(outcome, (line) => console.log(line)) ? 0 : 1;
