import { createBatcher } from "../async/batcher.ts";
import type { Database } from "./database.ts";

/** What one attempt says about the channel's endpoint. */
export interface Observation {
  channelId: string;
  tenantId: string;
  /** Undefined: the attempt succeeded. Redacted. */
  error: string | undefined;
  /** The endpoint asked to be left alone for so long, capped. */
  retryAfterMs: number | undefined;
}

export interface BreakerOptions {
  /** Failed attempts in a row that open the breaker. */
  failures: number;
  /** How long it stays open at first, and at the most. */
  openMs: number;
  maxOpenMs: number;
}

/** A success of a healthy channel is written this seldom. */
const successEveryMs = 10_000;

interface Tally {
  channelId: string;
  tenantId: string;
  succeeded: boolean;
  /** Since the last success in the batch. */
  failures: number;
  error: string | null;
  retryAfterMs: number;
}

/**
 * Keeps each channel's health and its circuit breaker in the database, where all
 * workers and the API see the same. The breaker opens after a run of failed
 * attempts, for a time that grows with the run, and closes with the first success.
 */
export function createChannelHealth(database: Database, breaker: BreakerOptions) {
  const lastSuccess = new Map<string, number>();

  const writes = createBatcher<Observation, void>({
    maxItems: 1_000,
    run: async (observations) => {
      const tallies = tally(observations);
      await database.query(upsert, [
        tallies.map(({ channelId }) => channelId),
        tallies.map(({ tenantId }) => tenantId),
        tallies.map(({ succeeded }) => succeeded),
        tallies.map(({ failures }) => failures),
        tallies.map(({ error }) => error),
        tallies.map(({ retryAfterMs }) => retryAfterMs),
        breaker.failures,
        breaker.openMs,
        breaker.maxOpenMs,
      ]);
      return observations.map(() => undefined);
    },
  });

  return {
    /** Resolves when the observation is written, or was not worth it. */
    async observe(observation: Observation): Promise<void> {
      const { channelId, error } = observation;
      if (error === undefined) {
        const now = performance.now();
        if (now - (lastSuccess.get(channelId) ?? Number.NEGATIVE_INFINITY) < successEveryMs) return;
        if (lastSuccess.size > 10_000) lastSuccess.clear();
        lastSuccess.set(channelId, now);
      } else {
        lastSuccess.delete(channelId);
      }
      await writes.add(observation);
    },

    /** Some process has seen attempts on this channel fail: its next success is written at once. */
    noteFailing(channelId: string): void {
      lastSuccess.delete(channelId);
    },

    idle: () => writes.idle(),
  };
}

function tally(observations: Observation[]): Tally[] {
  const tallies = new Map<string, Tally>();
  for (const { channelId, tenantId, error, retryAfterMs } of observations) {
    const entry = tallies.get(channelId) ?? {
      channelId,
      tenantId,
      succeeded: false,
      failures: 0,
      error: null,
      retryAfterMs: 0,
    };
    if (error === undefined) Object.assign(entry, { succeeded: true, failures: 0, retryAfterMs: 0 });
    else {
      entry.failures++;
      entry.error = error;
      entry.retryAfterMs = Math.max(entry.retryAfterMs, retryAfterMs ?? 0);
    }
    tallies.set(channelId, entry);
  }
  // In one order everywhere, so that two workers do not dead-lock.
  return [...tallies.values()].sort((a, b) => (a.channelId < b.channelId ? -1 : 1));
}

/*
 * By primary key; one row a channel. Locks what it counts on before it reads it: of two
 * workers that write at the same time, the second goes on from what the first has written.
 */
const upsert = {
  name: "observe_health",
  text: `
    with input as (
      select * from unnest($1::uuid[], $2::uuid[], $3::boolean[], $4::int[], $5::text[], $6::int[])
        as t (channel_id, tenant_id, succeeded, failures, error, retry_after_ms)
    ), held as materialized (
      select channel_id, consecutive_failures from channel_health
      where channel_id = any($1::uuid[]) order by channel_id for update
    ), counted as (
      select i.*, i.failures + (case when i.succeeded then 0 else coalesce(h.consecutive_failures, 0) end) as run
      from input i left join held h on h.channel_id = i.channel_id
    ), judged as (
      select c.*, case
        when c.failures = 0 then null
        when c.run >= $7::int then now() + greatest(c.retry_after_ms,
          least($9::int, $8::int * 2 ^ least(10, (c.run - $7::int) / 8))) * interval '1 millisecond'
        when c.retry_after_ms > 0 then now() + c.retry_after_ms * interval '1 millisecond'
      end as open_until
      from counted c
    )
    insert into channel_health as h
      (channel_id, tenant_id, consecutive_failures, last_error, last_failure_at, last_success_at, open_until, failing_since)
    select channel_id, tenant_id, run, error, case when error is not null then now() end,
      case when succeeded then now() end, open_until, case when run > 0 then now() end
    from judged
    on conflict (channel_id) do update set
      consecutive_failures = excluded.consecutive_failures,
      last_error = coalesce(excluded.last_error, h.last_error),
      last_failure_at = coalesce(excluded.last_failure_at, h.last_failure_at),
      last_success_at = coalesce(excluded.last_success_at, h.last_success_at),
      failing_since = case when excluded.consecutive_failures = 0 then null
        when excluded.last_success_at is not null then excluded.failing_since
        else coalesce(h.failing_since, excluded.failing_since) end,
      open_until = case when excluded.consecutive_failures = 0 then null
        else greatest(h.open_until, excluded.open_until) end`,
};
