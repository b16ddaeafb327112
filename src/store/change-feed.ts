import { abortableSleep } from "../async/abortable-sleep.ts";
import type { Database } from "./database.ts";
import {
  comparePositions,
  currentPosition,
  type DeliveryChange,
  isPast,
  type Position,
  readChanges,
} from "./delivery-changes.ts";
import { isDatabaseUnavailable } from "./unavailable.ts";

/** The last changes of a tenant that is watched: everything after `from` up to `to`. */
interface Recent {
  from: Position;
  to: Position;
  changes: DeliveryChange[];
  readers: number;
  /** The last read of those who are behind: the next one waits for it. */
  reading: Promise<unknown>;
  /** Why there will be no more. */
  failure?: unknown;
  /** Called when there is more, and at the end. */
  wake: Set<() => void>;
}

/** How often changes are looked for while somebody watches. */
const pollMs = 250;
/** After a failure, so often. */
const pauseMs = 1_000;
/** How many recent changes of a tenant are kept for all its watchers together. */
const maxRecent = 2_000;

/** The changes of a tenant's deliveries. Ends when the feed is closed. */
export interface TenantChanges {
  /** After all changes that are over now. */
  current(): Promise<Position>;
  /** Whether a position can be one of this database. */
  isPast(position: Position): Promise<boolean>;
  /**
   * All changes after `after`, in order, a list at a time; an empty one when nothing has
   * changed for `idleMs`. Reads only when its caller has taken the list before.
   */
  watch(after: Position, idleMs: number, signal: AbortSignal): AsyncGenerator<DeliveryChange[]>;
}

/**
 * One poll for all watchers of a process, and none while there is no watcher. What it
 * finds is kept for a while; who cannot follow reads the table at its own speed, so
 * that no watcher costs memory of its own. Those of one tenant do so one at a time, so that
 * however many there are, others find the database free.
 */
export function createChangeFeed(database: Database) {
  const tenants = new Map<string, Recent>();
  const closing = new AbortController();
  let polling: Promise<void> | undefined;

  return {
    forTenant: (tenantId: string): TenantChanges => ({
      current: () => currentPosition(database),
      isPast: (position) => isPast(database, position),
      watch: (after, idleMs, signal) => watch(tenantId, after, idleMs, signal),
    }),

    /** Ends all watching. */
    async close(): Promise<void> {
      closing.abort();
      for (const recent of tenants.values()) wakeAll(recent);
      await polling;
    },
  };

  async function* watch(
    tenantId: string,
    after: Position,
    idleMs: number,
    callSignal: AbortSignal,
  ): AsyncGenerator<DeliveryChange[]> {
    const signal = AbortSignal.any([callSignal, closing.signal]);
    const recent = await join(tenantId);
    try {
      let position = after;
      while (!signal.aborted) {
        if (recent.failure !== undefined) throw recent.failure;
        const changes = await next(tenantId, recent, position, signal);
        const last = changes.at(-1);
        if (last) {
          position = last.position;
          yield changes;
        } else if (!(await changed(recent, idleMs, signal)) && !signal.aborted) yield [];
      }
    } finally {
      recent.readers--;
      if (recent.readers === 0 && tenants.get(tenantId) === recent) tenants.delete(tenantId);
    }
  }

  async function join(tenantId: string): Promise<Recent> {
    const start = await currentPosition(database);
    const known = tenants.get(tenantId);
    const recent: Recent = known ?? {
      from: start,
      to: start,
      changes: [],
      readers: 0,
      reading: Promise.resolve(),
      wake: new Set(),
    };
    recent.readers++;
    tenants.set(tenantId, recent);
    polling ??= poll().finally(() => {
      polling = undefined;
    });
    return recent;
  }

  async function next(
    tenantId: string,
    recent: Recent,
    after: Position,
    signal: AbortSignal,
  ): Promise<DeliveryChange[]> {
    if (comparePositions(after, recent.from) >= 0) {
      const seen = recent.changes.findLastIndex(({ position }) => comparePositions(position, after) <= 0);
      return recent.changes.slice(seen + 1);
    }
    const reading = recent.reading.then(async () => {
      const read = signal.aborted ? undefined : await readChanges(database, new Map([[tenantId, after]]));
      return read?.get(tenantId) ?? [];
    });
    recent.reading = reading.catch(() => undefined);
    const found = await reading;
    // Nothing between `after` and what is kept: go on with that.
    return found.length > 0 || signal.aborted ? found : recent.changes;
  }

  /** True when there is something new, false when nothing came for `idleMs` or the watching ends. */
  function changed(recent: Recent, idleMs: number, signal: AbortSignal): Promise<boolean> {
    return new Promise((resolve) => {
      const finish = (isNew: boolean) => {
        clearTimeout(timer);
        recent.wake.delete(onWake);
        signal.removeEventListener("abort", onAbort);
        resolve(isNew);
      };
      const onWake = () => finish(true);
      const onAbort = () => finish(false);
      const timer = setTimeout(() => finish(false), idleMs);
      recent.wake.add(onWake);
      signal.addEventListener("abort", onAbort);
      if (signal.aborted) onAbort();
    });
  }

  async function poll(): Promise<void> {
    while (tenants.size > 0 && !closing.signal.aborted) {
      const waitMs = await look().catch(failUnlessAway);
      await abortableSleep(waitMs, closing.signal);
    }
  }

  /** Answers after how many ms to look again. */
  async function look(): Promise<number> {
    const found = await readChanges(database, new Map([...tenants].map(([id, { to }]) => [id, to])));
    for (const [tenantId, changes] of found) {
      const recent = tenants.get(tenantId);
      if (recent) append(recent, changes);
    }
    return found.size > 0 ? 0 : pollMs;
  }

  /** While the database is away watchers wait for it; anything else is told to each of them. */
  function failUnlessAway(error: unknown): number {
    if (isDatabaseUnavailable(error)) return pauseMs;
    for (const [tenantId, recent] of tenants) {
      recent.failure = error;
      tenants.delete(tenantId);
      wakeAll(recent);
    }
    return 0;
  }

  function append(recent: Recent, changes: DeliveryChange[]): void {
    const last = changes.at(-1);
    if (!last) return;
    recent.changes = [...recent.changes, ...changes];
    recent.to = last.position;
    const forgotten = recent.changes.splice(0, Math.max(0, recent.changes.length - maxRecent)).at(-1);
    if (forgotten) {
      recent.from = forgotten.position;
      // Those of one statement are forgotten together: they share a position.
      recent.changes = recent.changes.filter(
        ({ position }) => comparePositions(position, forgotten.position) > 0,
      );
    }
    wakeAll(recent);
  }

  function wakeAll(recent: Recent): void {
    for (const wake of [...recent.wake]) wake();
  }
}
