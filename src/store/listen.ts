import type { EventEmitter } from "node:events";
import type { Logger } from "pino";
import { abortableSleep } from "../abortable-sleep.ts";

/** What LISTEN needs of a pg connection pool. */
interface Pool {
  connect(): Promise<Connection>;
}

interface Connection extends EventEmitter {
  query(sql: string): Promise<unknown>;
  release(destroy?: boolean): void;
}

const reconnectDelayMs = 500;

/** How often a silent connection is asked whether it still lives: after a failover nobody may say so. */
const checkEveryMs = 10_000;

/**
 * Keeps one connection of the pool on LISTEN and makes a new one when it breaks.
 * Notifications may be lost in between, so `onNotify` is called after every
 * reconnect as well: its users look for work instead of trusting the payload.
 * Rejects when the first connection cannot be made.
 */
export async function listenOnPool(
  pool: Pool,
  topic: string,
  onNotify: (payload: string) => void,
  log: Logger,
): Promise<{ close(): Promise<void> }> {
  const closing = new AbortController();
  const first = await connect();
  const listening = keepListening(first);

  async function keepListening(connection: Connection | undefined): Promise<void> {
    let current = connection;
    while (!closing.signal.aborted) {
      if (current) await untilBroken(current);
      current?.release(true);
      current = await reconnect();
    }
    current?.release(true);
  }

  async function connect(): Promise<Connection> {
    const connection = await pool.connect();
    try {
      connection.on("notification", ({ payload }: { payload?: string }) => onNotify(payload ?? ""));
      await connection.query(`listen ${topic}`);
      return connection;
    } catch (error) {
      connection.release(true);
      throw error;
    }
  }

  /** Resolves when the connection has ended, does not answer, or is not wanted any more. */
  async function untilBroken(connection: Connection): Promise<void> {
    const broken = new AbortController();
    const onEnd = () => broken.abort();
    connection.once("error", onEnd).once("end", onEnd);
    const signal = AbortSignal.any([broken.signal, closing.signal]);
    while (!signal.aborted) {
      await abortableSleep(checkEveryMs, signal);
      if (!signal.aborted) await connection.query("select 1").catch(onEnd);
    }
    connection.removeAllListeners("notification");
  }

  async function reconnect(): Promise<Connection | undefined> {
    while (!closing.signal.aborted) {
      try {
        const connection = await connect();
        onNotify("");
        return connection;
      } catch (error) {
        log.warn({ err: (error as Error).message }, "cannot listen for notifications, trying again");
        await abortableSleep(reconnectDelayMs, closing.signal);
      }
    }
    return undefined;
  }

  return {
    close: () => {
      closing.abort();
      return listening;
    },
  };
}
