import KeyvRedis, { type createClient } from "@keyv/redis";
import { createRedisClient } from "../redis-client.ts";

/**
 * KEYS[1] key; ARGV value, time to live in ms, value that may be replaced.
 * SET NX PX that lets the holder itself pass, with a fresh time to live.
 */
const reserveScript = `
local holder = redis.call('get', KEYS[1])
if holder and holder ~= ARGV[1] and holder ~= ARGV[3] then return holder end
redis.call('set', KEYS[1], ARGV[1], 'px', ARGV[2])
return false`;

/** Keyv's Redis store with an atomic reservation, which Keyv itself lacks. */
export class RedisDedupStore extends KeyvRedis<string> {
  constructor(url: string) {
    super(createRedisClient(url) as never, {
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
    const holder = await this.#client.eval(reserveScript, {
      keys: [this.createKeyPrefix(key, this.namespace)],
      arguments: [value, String(ttlMs), insteadOf ?? ""],
    });
    return typeof holder === "string" ? holder : undefined;
  }

  /** Answers when Redis does; rejects when it does not. */
  async ping(): Promise<void> {
    await this.#client.ping();
  }

  async close(): Promise<void> {
    if (this.#client.isOpen) this.#client.destroy();
  }

  get #client(): ReturnType<typeof createClient> {
    return this.client as ReturnType<typeof createClient>;
  }
}
