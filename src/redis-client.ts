import { createClient } from "@keyv/redis";

const connectTimeoutMs = 1_000;
const reconnectDelayMs = 500;

/**
 * A connection to Redis that is not waited for: it goes on trying, and while Redis
 * is away, commands fail at once. Emits "error"; `connect()` starts it.
 */
export function createRedisClient(url: string): ReturnType<typeof createClient> {
  return createClient({
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
}
