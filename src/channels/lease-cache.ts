export interface LeaseCacheOptions<Config, Resource> {
  /** Makes the resource; should connect on first use only. */
  open(config: Config): Resource;
  /** Ends the resource at once, with whatever still runs on it. */
  close(resource: Resource): void;
  /** How long in ms an unused resource stays open. */
  idleMs: number;
  /** Beyond so many, the least recently used resources that nobody uses are closed. */
  max: number;
}

/** Resources that are kept open between uses: one for each key, replaced when its config changes. */
export interface LeaseCache<Config, Resource> {
  /**
   * Runs `work` with the key's resource, which is not closed meanwhile except by `close`.
   * Rejects with what `work` rejects with, and after `close`.
   */
  use<T>(key: string, config: Config, work: (resource: Resource) => Promise<T>): Promise<T>;
  /** Closes the key's resource as soon as nobody uses it. */
  forget(key: string): void;
  /** Closes all resources at once and waits for the work that ran on them to end. */
  close(): Promise<void>;
}

interface Lease<Resource> {
  resource: Resource;
  /** The config as JSON: tells when it has changed. */
  version: string;
  users: number;
  idleTimer?: NodeJS.Timeout;
}

export function createLeaseCache<Config, Resource>(
  options: LeaseCacheOptions<Config, Resource>,
): LeaseCache<Config, Resource> {
  /** In order of use, the longest unused first. */
  const current = new Map<string, Lease<Resource>>();
  /** Every lease that is not closed yet, also those that were replaced while in use. */
  const open = new Set<Lease<Resource>>();
  const working = new Set<Promise<unknown>>();
  let closed = false;

  return {
    async use(key, config, work) {
      if (closed) throw new Error("already closed");
      const lease = take(key, config);
      lease.users += 1;
      clearTimeout(lease.idleTimer);
      const done = work(lease.resource);
      working.add(done);
      try {
        return await done;
      } finally {
        working.delete(done);
        lease.users -= 1;
        if (lease.users === 0) rest(key, lease);
      }
    },

    forget,

    async close() {
      closed = true;
      current.clear();
      for (const lease of open) end(lease);
      await Promise.allSettled(working);
    },
  };

  function take(key: string, config: Config): Lease<Resource> {
    const version = JSON.stringify(config);
    const known = current.get(key);
    if (known?.version === version) {
      current.delete(key);
      current.set(key, known);
      return known;
    }
    forget(key);
    const lease = { resource: options.open(config), version, users: 0 };
    open.add(lease);
    current.set(key, lease);
    return lease;
  }

  /** The last user has gone: close what was replaced meanwhile, keep the rest for a while. */
  function rest(key: string, lease: Lease<Resource>): void {
    if (current.get(key) !== lease) {
      end(lease);
      return;
    }
    lease.idleTimer = setTimeout(forget, options.idleMs, key);
    lease.idleTimer.unref();
    evict();
  }

  function evict(): void {
    for (const [key, { users }] of current) {
      if (current.size <= options.max) return;
      if (users === 0) forget(key);
    }
  }

  function forget(key: string): void {
    const lease = current.get(key);
    current.delete(key);
    if (lease?.users === 0) end(lease);
  }

  function end(lease: Lease<Resource>): void {
    clearTimeout(lease.idleTimer);
    if (open.delete(lease)) options.close(lease.resource);
  }
}
