import type { Pool, PoolClient } from "pg";

/** How transactions are begun and given up. */
const bracket = /^(begin|start transaction|rollback)\b/;

/**
 * Has the pool close connections whose transaction could not be begun or given up, because the
 * server or its answer did not come: Kysely keeps them for good then, with whatever they have locked.
 */
export function closeBrokenTransactions(pool: Pool): void {
  const closed = new WeakSet<PoolClient>();

  function close(client: PoolClient): void {
    if (closed.has(client)) return;
    closed.add(client);
    client.release(true);
  }

  pool.on("connect", (client) => {
    const query = client.query.bind(client) as (...args: unknown[]) => unknown;
    const watched = (...args: unknown[]) => {
      const answer = query(...args);
      if (typeof args[0] === "string" && bracket.test(args[0]) && answer instanceof Promise) {
        answer.catch(() => close(client as PoolClient));
      }
      return answer;
    };
    Object.assign(client, { query: watched });
  });
}
