import { once } from "node:events";
import { createServer } from "node:net";

/**
 * Rejects when the port cannot be listened on. Asked at the beginning of a start, whose end
 * comes too late to find that out: by then the database is migrated and deliveries are claimed.
 */
export async function assertFree({ host, port }: { host: string; port: number }): Promise<void> {
  const server = createServer().listen({ host, port });
  await once(server, "listening");
  server.close();
  await once(server, "close");
}
