import { EventEmitter } from "node:events";
import { setTimeout as sleep } from "node:timers/promises";
import type { Logger } from "pino";

/** What LISTEN needs of a pg connection pool. */
interface Pool {
  connect(): Promise<Connection>;
}

interface Connection extends EventEmitter {
  query(sql: string): Promise<unknown>;
  release(destroy?: boolean): void;
}

const reconnectDelayMs = 500;

/**
 * Keeps one connection of the pool on LISTEN and makes a new one when it breaks.
 * Notifications may be lost in between, so `onNotify` is called after every
 * reconnect as well: its users look for work instead of trusting the payload.
 */
export async function listenOnPool(
  pool: Pool,
  topic: string,
  onNotify: (payload: string) => void,
  log: Logger,
): Promise<{ close(): Promise<void> }> {
  const closing = new AbortController();
  const events = new EventEmitter();

  async function connect(): Promise<Connection> {
    const connection = await pool.connect();
    connection.on("notification", ({ payload }: { payload?: string }) => onNotify(payload ?? ""));
    connection.once("error", () => events.emit("broken"));
    connection.once("end", () => events.emit("broken"));
    await connection.query(`listen ${topic}`);
    return connection;
  }

  async function reconnect(): Promise<Connection | undefined> {
    while (!closing.signal.aborted) {
      try {
        const connection = await connect();
        onNotify("");
        return connection;
      } catch (error) {
        log.warn({ err: (error as Error).message }, "cannot listen for notifications, trying again");
        await sleep(reconnectDelayMs, undefined, { signal: closing.signal }).catch(() => undefined);
      }
    }
    return undefined;
  }

  let current: Connection | undefined = await connect();

  const keepListening = (async () => {
    while (!closing.signal.aborted) {
      await new Promise<void>((resolve) => {
        events.once("broken", resolve);
        closing.signal.addEventListener("abort", () => resolve(), { once: true });
      });
      current?.removeAllListeners("notification");
      current?.release(true);
      current = undefined;
      current = await reconnect();
    }
    current?.release(true);
  })();

  return {
    close: () => {
      closing.abort();
      return keepListening;
    },
  };
}
