import PQueue from "p-queue";

/** A tenant's own work leaves no time for more. */
export class TenantBusyError extends Error {
  override name = "TenantBusyError";
}

/**
 * Runs work when it has its turn. Rejects with a TenantBusyError where too much of the tenant's waits
 * already, and with the signal's reason where the call has ended before.
 */
export type InTurn = <Result>(work: () => Promise<Result>) => Promise<Result>;

/** More of one tenant than can have its turn within the time of a call, if all of it takes long. */
const maxWaiting = 200;

/**
 * `slots` pieces of work run at the same time, of one tenant about half as many: one that searches
 * its log without end, or changes one channel by a thousand calls, delays itself and no others.
 * What has had no turn when its call ends is not begun any more: a change that comes so late
 * would undo those that came after it.
 */
export function createTenantTurns(slots: number): (tenantId: string, signal: AbortSignal) => InTurn {
  const all = new PQueue({ concurrency: slots });
  const tenants = new Map<string, PQueue>();

  return (tenantId, signal) => async (work) => {
    const own = tenants.get(tenantId) ?? new PQueue({ concurrency: Math.ceil(slots / 2) });
    if (own.size >= maxWaiting) {
      throw new TenantBusyError(`the tenant may have no more than ${maxWaiting} calls waiting`);
    }
    tenants.set(tenantId, own);
    // The queues do not get the signal: they would give up the turn of what is under way as well.
    const begin = async () => {
      signal.throwIfAborted();
      return work();
    };
    try {
      return await own.add(() => all.add(begin));
    } finally {
      if (own.size + own.pending === 0 && tenants.get(tenantId) === own) tenants.delete(tenantId);
    }
  };
}

type Methods<Names extends PropertyKey> = Record<Names, (...args: never[]) => Promise<unknown>>;

/** The same methods, each of which waits for its turn. */
export function eachInTurn<Each extends Methods<keyof Each>>(inTurn: InTurn, methods: Each): Each {
  const waiting = Object.entries<(...args: never[]) => Promise<unknown>>(methods).map(([name, method]) => [
    name,
    (...args: never[]) => inTurn(() => method(...args)),
  ]);
  return Object.fromEntries(waiting) as Each;
}
