import { leaseMs, type Outcome, pollMs } from "./chaos.ts";

/** Prints what happened; answers whether everything is as it must be. */
export function printReport(outcome: Outcome, print: (line: string) => void): boolean {
  const { options, seconds, disturbed, reconciled, takeovers } = outcome;
  const { kills, pauses } = disturbed;
  const missing = options.events - reconciled.acknowledged;
  print(
    `events sent                ${options.events} in ${Math.round(seconds.sending)} s, ${outcome.resent} of them more than once`,
  );
  print(`acknowledged               ${reconciled.acknowledged}`);
  print(`SIGKILL                    ${kills.worker} workers, ${kills.api} APIs, ${kills.all} of both`);
  print(`SIGSTOP past the lease     ${pauses.worker} workers, ${pauses.api} APIs, ${pauses.all} of both`);
  print(`PostgreSQL restarted       ${disturbed.postgresRestarts} times (immediate)`);
  print(
    `Redis                      stopped ${disturbed.redisStops} times (restarted empty), hung ${disturbed.redisHangs} times`,
  );
  print(`longest gap of ingest      ${Math.round(outcome.longestGapMs)} ms`);
  print(`deliveries                 ${reconciled.deliveries}: ${listOf(Object.entries(reconciled.states))}`);
  print(`queue empty after          ${Math.round(seconds.draining)} s more`);
  print(`attempts of lost workers   ${takeovers.interrupted}`);
  print(
    `lease overdue              at most ${takeovers.overdueMs} ms (poll: ${pollMs} ms, lease: ${leaseMs} ms); ${takeovers.overdueInOutageMs} ms around restarts of PostgreSQL`,
  );
  printCounts("delivered twice", reconciled.takenTwice);
  printCounts("equal notices both sent", reconciled.sentTwice);
  printList("lost", reconciled.lost);
  printList("attempts over the limit", reconciled.attemptsOverLimit);
  printList("contradictions", reconciled.contradictions);
  print(`redirects followed         ${outcome.followed}`);
  return (
    missing === 0 &&
    outcome.followed === 0 &&
    [reconciled.lost, reconciled.attemptsOverLimit, reconciled.contradictions].every(
      ({ length }) => length === 0,
    )
  );

  function printCounts(title: string, counts: Map<string, number>): void {
    const total = [...counts.values()].reduce((sum, count) => sum + count, 0);
    print(`${title.padEnd(26)} ${total}${total > 0 ? `: ${listOf([...counts])}` : ""}`);
  }

  function printList(title: string, items: string[]): void {
    print(`${title.padEnd(26)} ${items.length}`);
    for (const item of items.slice(0, 20)) print(`  ${item}`);
  }
}

function listOf(counts: [string, number][]): string {
  return counts.map(([what, count]) => `${count} ${what}`).join(", ");
}
