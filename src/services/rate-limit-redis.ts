import type { Logger } from "pino";
import { createRedisClient } from "../redis-client.ts";
import { burstSeconds, type SharedAccount } from "./rate-limit.ts";

/** Keys that one script call books, so that none keeps Redis busy for long. */
const batch = 200;

/**
 * KEYS: accounts; ARGV: three numbers for each: tokens a second, capacity, calls.
 * A token bucket by the clock of Redis, overdrawn by its capacity at the most, so
 * that nobody waits for longer than it takes to fill twice.
 */
const spendScript = `
local time = redis.call('time')
local now = time[1] * 1000 + time[2] / 1000
local balances = {}
for i, key in ipairs(KEYS) do
  local rate, capacity, calls = tonumber(ARGV[3 * i - 2]), tonumber(ARGV[3 * i - 1]), tonumber(ARGV[3 * i])
  local known = redis.call('hmget', key, 'tokens', 'at')
  local tokens = capacity
  if known[1] then tokens = math.min(capacity, known[1] + math.max(0, now - known[2]) * rate / 1000) end
  tokens = math.max(-capacity, tokens - calls)
  redis.call('hset', key, 'tokens', tostring(tokens), 'at', string.format('%.3f', now))
  redis.call('pexpire', key, math.ceil(2 * capacity / rate * 1000) + 1000)
  balances[i] = tostring(tokens)
end
return balances`;

/** The shared account in Redis. Starts to connect at once and goes on trying. */
export function createRedisAccount(url: string, log: Logger): SharedAccount {
  const client = createRedisClient(url, log);
  client.connect().catch((error: Error) => log.debug({ err: error.message }, "rate limit store error"));

  return {
    async spend(spendings) {
      const balances: number[] = [];
      for (let start = 0; start < spendings.length; start += batch) {
        const part = spendings.slice(start, start + batch);
        const answer = await client.eval(spendScript, {
          keys: part.map(({ keyId }) => `jitsudo-rate:${keyId}`),
          arguments: part.flatMap(({ perSecond, calls }) =>
            [perSecond, perSecond * burstSeconds, calls].map(String),
          ),
        });
        balances.push(...(answer as string[]).map(Number));
      }
      return balances;
    },

    async close() {
      if (client.isOpen) client.destroy();
    },
  };
}
