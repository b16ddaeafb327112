import PQueue from "p-queue";

/** A tenant's own work leaves no time for more. */
export class TenantBusyError extends Error {
  override name = "TenantBusyError";
}

/** Runs work of a tenant when it has its turn. Rejects with a TenantBusyError when that does not come. */
export type TakeTurn = <Result>(tenantId: string, work: () => Promise<Result>) => Promise<Result>;

/** More of one tenant than can have its turn within the time of a call, if all of it takes long. */
const maxWaiting = 200;

/**
 * `slots` pieces of work run at the same time, of one tenant about half as many: one that searches
 * its log without end, or changes one channel by a thousand calls, delays itself and no others.
 * What has waited for `maxWaitMs` is not begun any more: its call has ended, and a change that
 * comes so late would undo those that came after it.
 */
export function createTenantTurns(slots: number, maxWaitMs: number): TakeTurn {
  const all = new PQueue({ concurrency: slots });
  const tenants = new Map<string, PQueue>();

  return async (tenantId, work) => {
    const own = tenants.get(tenantId) ?? new PQueue({ concurrency: Math.ceil(slots / 2) });
    if (own.size >= maxWaiting) {
      throw new TenantBusyError(`the tenant may have no more than ${maxWaiting} calls waiting`);
    }
    tenants.set(tenantId, own);
    const latest = performance.now() + maxWaitMs;
    const begin = async () => {
      if (performance.now() >= latest) throw new TenantBusyError("the tenant's other calls took too long");
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

/** The same methods, each of which waits for the tenant's turn. */
export function inTurn<Each extends Methods<keyof Each>>(
  takeTurn: TakeTurn,
  tenantId: string,
  methods: Each,
): Each {
  const waiting = Object.entries<(...args: never[]) => Promise<unknown>>(methods).map(([name, method]) => [
    name,
    (...args: never[]) => takeTurn(tenantId, () => method(...args)),
  ]);
  return Object.fromEntries(waiting) as Each;
}
