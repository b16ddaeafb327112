import KeyvRedis, { type createClient } from "@keyv/redis";
import type { Logger } from "pino";
import { createBatcher } from "../async/batcher.ts";
import { createRedisClient } from "../redis-client.ts";
import type { ReservationRequest } from "../store/sql-dedup-store.ts";

/**
 * For each of KEYS three of ARGV: value, time to live in ms, value that may be
 * replaced. SET NX PX that lets the holder itself pass, with a fresh time to live.
 * Answers the holder where there is another one, else an empty text.
 */
const reserveScript = `
local holders = {}
for i, key in ipairs(KEYS) do
  local value, ttl, instead = ARGV[3 * i - 2], ARGV[3 * i - 1], ARGV[3 * i]
  local holder = redis.call('get', key)
  if holder and holder ~= value and holder ~= instead then
    holders[i] = holder
  else
    redis.call('set', key, value, 'px', ttl)
    holders[i] = ''
  end
end
return holders`;

/** Keyv's Redis store with an atomic reservation, which Keyv itself lacks. */
export class RedisDedupStore extends KeyvRedis<string> {
  /** Deliveries that start together share a round trip. */
  readonly #reservations = createBatcher<ReservationRequest, string>({
    run: (reservations) => this.#reserveAll(reservations),
    maxItems: 200,
    concurrency: 4,
  });

  constructor(url: string, log: Logger) {
    super(createRedisClient(url, log) as never, {
      throwOnErrors: true,
      throwOnConnectError: false,
      keyPrefixSeparator: "::",
    });
  }

  /** Starts to connect, and goes on trying; nobody needs to wait for it. */
  connect(): void {
    if (!this.#client.isOpen) this.#client.connect().catch((error: unknown) => this.emit("error", error));
  }

  /**
   * Sets the key if it is free, or holds `value` already, or holds `insteadOf`.
   * Answers undefined when it did, else the value that the key holds.
   */
  async reserve(key: string, value: string, ttlMs: number, insteadOf?: string): Promise<string | undefined> {
    const prefixed = this.createKeyPrefix(key, this.namespace);
    const holder = await this.#reservations.add({ key: prefixed, value, ttlMs, insteadOf });
    return holder === "" ? undefined : holder;
  }

  async close(): Promise<void> {
    if (this.#client.isOpen) this.#client.destroy();
  }

  async #reserveAll(reservations: ReservationRequest[]): Promise<string[]> {
    const holders = await this.#client.eval(reserveScript, {
      keys: reservations.map(({ key }) => key),
      arguments: reservations.flatMap(({ value, ttlMs, insteadOf }) => [
        value,
        String(ttlMs),
        insteadOf ?? "",
      ]),
    });
    return holders as string[];
  }

  get #client(): ReturnType<typeof createClient> {
    return this.client as ReturnType<typeof createClient>;
  }
}
