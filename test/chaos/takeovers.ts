import type { Database } from "../../src/store/database.ts";
import type { Disturbed } from "./disturbances.ts";

/** How long deliveries of lost workers waited for another one, in milliseconds. */
export interface Takeovers {
  count: number;
  medianMs: number;
  maxMs: number;
  /** Those that fell into an outage of PostgreSQL, and are not among the others. */
  duringOutage: number;
}

/**
 * An interrupted attempt ends when another worker takes the delivery over. The
 * time is counted from the last kill or pause of a worker before that.
 */
export async function measureTakeovers(database: Database, disturbed: Disturbed): Promise<Takeovers> {
  const rows = await database.query<{ at: number }>({ name: "", text: takenOverAt });
  const outages = disturbed.postgresAway;
  // Deliveries that were taken over before an outage ended waited for the database as well.
  const isOutage = (lostAt: number, at: number) => outages.some(([from, to]) => from <= at && to >= lostAt);
  const waits = rows.map(({ at }) => {
    const lostAt = disturbed.workersLostAt.findLast((time) => time <= at) ?? at;
    return { ms: at - lostAt, outage: isOutage(lostAt, at) };
  });
  const times = waits
    .filter(({ outage }) => !outage)
    .map(({ ms }) => ms)
    .sort((a, b) => a - b);
  return {
    count: times.length,
    medianMs: Math.round(times[times.length >> 1] ?? 0),
    maxMs: Math.round(times.at(-1) ?? 0),
    duringOutage: waits.length - times.length,
  };
}

const takenOverAt = `
  select extract(epoch from started_at)::float8 * 1000 + duration_ms as at
  from attempt where outcome = 'interrupted' order by 1`;
