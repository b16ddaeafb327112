import { createClient } from "@keyv/redis";
import type { Logger } from "pino";
import { createFailureLog } from "./observability/failure-log.ts";

const connectTimeoutMs = 1_000;
const reconnectDelayMs = 500;

/**
 * A connection to Redis that is not waited for: it goes on trying, and while Redis
 * is away, commands fail at once, without a reason: that is logged here, since it may be
 * a password or a certificate. `connect()` starts it.
 */
export function createRedisClient(url: string, log: Logger): ReturnType<typeof createClient> {
  const client = createClient({
    url,
    disableOfflineQueue: true,
    commandsQueueMaxLength: 10_000,
    socket: {
      connectTimeout: connectTimeoutMs,
      socketTimeout: 5_000,
      reconnectStrategy: () => reconnectDelayMs,
    },
    pingInterval: 2_000,
  }) as ReturnType<typeof createClient>;
  const failed = createFailureLog(log);
  client.on("error", (error: Error) => failed("warn", {}, error, "cannot reach Redis, trying again"));
  return client;
}
