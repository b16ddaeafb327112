import { hash } from "node:crypto";
import { Keyv, type KeyvStoreAdapter } from "keyv";
import type { Logger } from "pino";
import { setPatientTimeout } from "../async/patient-timeout.ts";
import { createFailureLog } from "../observability/failure-log.ts";

/** A Keyv store that can take a key atomically. */
export interface ReservingStore extends KeyvStoreAdapter {
  /**
   * Sets the key if it is free, or holds `value` already, or holds `insteadOf`.
   * Answers undefined when it did, else the value that the key holds.
   */
  reserve(key: string, value: string, ttlMs: number, insteadOf?: string): Promise<string | undefined>;
}

export type Reservation =
  /** Nobody else sends this notice within the window. */
  | { kind: "reserved" }
  /** Delivery `of` has sent it, or is about to. */
  | { kind: "duplicate"; of: string }
  /** The store did not answer in time: send rather than lose it. */
  | { kind: "unavailable" };

export interface DedupOptions {
  /** How long a key is kept. */
  windowMs: number;
  /** How long a delivery waits for the store at the most. */
  timeoutMs: number;
  /**
   * Whether notices go out unchecked while the store is away. Not where it is the database:
   * without that no result could be written either, so a delivery may as well wait.
   */
  failOpen: boolean;
  log: Logger;
}

export type Dedup = ReturnType<typeof createDedup>;

/** After a failure the store is left alone for so long: nobody waits for it meanwhile. */
const pauseMs = 1_000;

/**
 * Suppresses the second of two equal notices. Keys are reserved with the id of
 * the delivery as value, so that the same delivery passes again after a crash.
 */
export function createDedup(store: ReservingStore, { windowMs, timeoutMs, failOpen, log }: DedupOptions) {
  const keyv = new Keyv<string>({ store, namespace: "jitsudo-dedup", emitErrors: true });
  keyv.on("error", (error: Error) => log.debug({ err: error.message }, "dedup store error"));
  const failed = createFailureLog(log);
  let pausedUntil = 0;

  return {
    /**
     * `insteadOf`: a delivery that held the key and has ended without sending. Rejects with the
     * store's error unless it fails open.
     */
    async reserve(key: string, deliveryId: string, insteadOf?: string): Promise<Reservation> {
      if (performance.now() < pausedUntil) return { kind: "unavailable" };
      try {
        const holder = await within(
          timeoutMs,
          store.reserve(key, stored(deliveryId), windowMs, insteadOf && stored(insteadOf)),
        );
        if (holder === undefined) return { kind: "reserved" };
        const { value } = JSON.parse(holder) as { value: string };
        return { kind: "duplicate", of: value };
      } catch (error) {
        if (!failOpen) throw error;
        pausedUntil = performance.now() + pauseMs;
        failed("warn", {}, error, "dedup store unavailable, notices go out unchecked");
        return { kind: "unavailable" };
      }
    },
  };
}

/** The key of everything that makes two notices the same. */
export function dedupKey(parts: {
  tenantId: string;
  channelId: string;
  eventType: string;
  payloadHash: string;
}): string {
  const text = JSON.stringify([parts.tenantId, parts.channelId, parts.eventType, parts.payloadHash]);
  return hash("sha256", text, "base64url");
}

/** A value as Keyv stores it, so that its `get` can read what was reserved; Redis keeps the time. */
function stored(value: string): string {
  return JSON.stringify({ value });
}

function within<Value>(timeoutMs: number, work: Promise<Value>): Promise<Value> {
  return new Promise((resolve, reject) => {
    const giveUp = () => reject(new Error(`no answer within ${timeoutMs} ms`));
    const timer = setPatientTimeout(giveUp, timeoutMs);
    work.finally(() => clearTimeout(timer)).then(resolve, reject);
  });
}
