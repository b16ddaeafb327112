import { once } from "node:events";
import { createServer } from "node:net";

/**
 * A free port on 127.0.0.1 for a server that must come back on the same port
 * after a stop. It lies below the range that outgoing connections get their
 * ports from (32768 and up on Linux): a client that keeps trying to reconnect
 * could otherwise be given the server's own port.
 */
export async function freePort(): Promise<number> {
  for (;;) {
    const port = 20_000 + Math.floor(Math.random() * 12_000);
    if (await isFree(port)) return port;
  }
}

async function isFree(port: number): Promise<boolean> {
  const server = createServer().listen(port, "127.0.0.1");
  try {
    await once(server, "listening");
    return true;
  } catch {
    return false; // In use, or not allowed: try another.
  } finally {
    server.close();
  }
}
