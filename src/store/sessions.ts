import type { Pool, PoolClient, PoolConfig } from "pg";

/**
 * Has every new connection of a pool begin with these settings, `<name>=<value>` each. Not by
 * start-up options: PgBouncer refuses them, or drops them where it is told to.
 */
export function setsOnConnect(settings: string[]): Pick<PoolConfig, "onConnect"> {
  const text = settings.map((setting) => `set ${setting}`).join("; ");
  return { onConnect: async (client) => void (await client.query(text)) };
}

/**
 * Throws where a pooler gives each transaction whichever of its connections to the server is free. The
 * service would start and answer, but its prepared statements, settings, locks and LISTEN would
 * be on connections that others have by then.
 */
export async function assertSessions(pool: Pool): Promise<void> {
  await withConnection(pool, (one) =>
    withConnection(pool, async (other) => {
      const server = await serverOf(one);
      // More than once, since others who use the pooler may take what is free just then.
      for (let round = 0; round < rounds; round++) {
        // What the first one has used is free for the other, or, where it is its turn, another for the first.
        const others = await serverOf(other);
        const again = [await serverOf(one), await serverOf(one)];
        if (others === server || again.some((each) => each !== server)) throw new Error(noSessions);
      }
    }),
  );
}

const rounds = 5;

const noSessions =
  "the pooler that DATABASE_URL leads to gives connections away after each transaction (in PgBouncer " +
  "pool_mode = transaction); it must keep one for each of the service's: pool_mode = session";

async function serverOf(client: PoolClient): Promise<number> {
  const { rows } = await client.query<{ pid: number }>("select pg_backend_pid() as pid");
  return rows[0]?.pid ?? 0;
}

/** The connection is closed at the end: a start has no use for it. */
async function withConnection(pool: Pool, work: (client: PoolClient) => Promise<void>): Promise<void> {
  const client = await pool.connect();
  try {
    await work(client);
  } finally {
    client.release(true);
  }
}
