import type { Pool, PoolClient } from "pg";
import type { Logger } from "pino";
import { abortableSleep } from "../async/abortable-sleep.ts";
import { createFailureLog } from "../observability/failure-log.ts";

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
  const failed = createFailureLog(log);
  const listening = keepListening(await connect());

  async function keepListening(first: PoolClient): Promise<void> {
    let current: PoolClient | undefined = first;
    while (!closing.signal.aborted) {
      if (current) await untilBroken(current);
      current?.release(true);
      current = await reconnect();
    }
    current?.release(true);
  }

  async function connect(): Promise<PoolClient> {
    const connection = await pool.connect();
    try {
      connection.on("notification", ({ payload = "" }) => onNotify(payload));
      await connection.query(`listen ${topic}`);
      return connection;
    } catch (error) {
      connection.release(true);
      throw error;
    }
  }

  /** Resolves when the connection has ended, does not answer, or is not wanted any more. */
  async function untilBroken(connection: PoolClient): Promise<void> {
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

  async function reconnect(): Promise<PoolClient | undefined> {
    while (!closing.signal.aborted) {
      try {
        const connection = await connect();
        onNotify("");
        return connection;
      } catch (error) {
        failed("warn", {}, error, "cannot listen for notifications, trying again");
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
