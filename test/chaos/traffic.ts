import { setTimeout as sleep } from "node:timers/promises";
import { timestampFromMs } from "@bufbuild/protobuf/wkt";
import { createNotificationsClient } from "../../src/clients/connect.ts";
import type { EventPlan, PlannedEvent } from "./events.ts";

export interface TrafficOptions {
  plan: EventPlan;
  /** Where a stream may go; asked at every connect. */
  urls(): string[];
  apiKey: string;
  tenantId: string;
  eventsPerSecond: number;
}

export interface Traffic {
  /** Resolves when every event is acknowledged. Rejects when one is refused. */
  finished: Promise<void>;
  acknowledged(): number;
  /** Sends that were repeated because their answer did not come. */
  resent(): number;
  /** Longest time without any acknowledgement so far, in milliseconds. */
  longestGapMs(): number;
}

const streams = 2;
const batchSize = 20;
const batchesInFlight = 6;
/** A stream that answers nothing for so long is given up. */
const silenceMs = 10_000;
const reconnectMs = 200;

/**
 * Streams events in over gRPC. When a stream breaks, what it has not acknowledged
 * goes into the next one under the same idempotency key, as a careful sender would do.
 */
export function startTraffic({ plan, urls, apiKey, tenantId, eventsPerSecond }: TrafficOptions): Traffic {
  const unsent: PlannedEvent[][] = [];
  const startedAt = performance.now();
  let taken = 0;
  let acknowledged = 0;
  let resent = 0;
  let lastAt = startedAt;
  let longestGapMs = 0;
  let turn = 0;

  /** The next batch, once its time has come; undefined when there are no more. */
  async function nextBatch(): Promise<PlannedEvent[] | undefined> {
    const again = unsent.shift();
    if (again) return again;
    const batch = Array.from({ length: batchSize }, () => plan.take()).filter((event) => event !== undefined);
    if (batch.length === 0) return undefined;
    const dueAt = startedAt + (taken / eventsPerSecond) * 1000;
    taken += batch.length;
    await sleep(Math.max(0, dueAt - performance.now()));
    return batch;
  }

  function acknowledge(event: PlannedEvent, id: string, deliveries: number): void {
    event.acknowledged = { id, deliveries };
    acknowledged++;
    const now = performance.now();
    longestGapMs = Math.max(longestGapMs, now - lastAt);
    lastAt = now;
  }

  /** Runs one stream until it breaks or all is sent; answers whether all is sent. */
  async function runStream(url: string): Promise<boolean> {
    const client = createNotificationsClient({ baseUrl: url, apiKey, tenantId, pingIntervalMs: 2_000 });
    const inFlight: PlannedEvent[][] = [];
    const broken = new AbortController();
    let answered = Promise.withResolvers<void>();
    let silence = setTimeout(() => broken.abort(), silenceMs);

    async function* requests() {
      while (!broken.signal.aborted) {
        if (inFlight.length >= batchesInFlight) {
          await answered.promise;
          continue;
        }
        const batch = await nextBatch();
        if (!batch) return;
        if (broken.signal.aborted) return void unsent.push(batch);
        inFlight.push(batch);
        yield { events: batch.map(toMessage) };
      }
    }

    try {
      for await (const { results } of client.events.streamEvents(requests(), { signal: broken.signal })) {
        const batch = inFlight.shift() ?? [];
        if (results.length !== batch.length)
          throw new Refused(`${results.length} results for ${batch.length} events`);
        results.forEach(({ result }, index) => {
          const event = batch[index];
          if (result.case === "rejected") throw new Refused(result.value.message);
          if (!event || !result.value) throw new Refused("A result belongs to no event");
          acknowledge(event, result.value.id, result.value.deliveries);
        });
        clearTimeout(silence);
        silence = setTimeout(() => broken.abort(), silenceMs);
        answered.resolve();
        answered = Promise.withResolvers();
      }
      return inFlight.length === 0;
    } catch (error) {
      if (error instanceof Refused) throw error;
      return false;
    } finally {
      broken.abort();
      answered.resolve();
      clearTimeout(silence);
      client.close();
      resent += inFlight.flat().length;
      unsent.push(...inFlight);
    }
  }

  async function keepStreaming(): Promise<void> {
    while (true) {
      const candidates = urls();
      const url = candidates[turn++ % Math.max(1, candidates.length)];
      const done = url !== undefined && (await runStream(url));
      if (done && unsent.length === 0) return;
      if (!done) await sleep(reconnectMs);
    }
  }

  return {
    finished: (async () => {
      await Promise.all(Array.from({ length: streams }, keepStreaming));
      // A stream may have left something behind after the other had found nothing more.
      while (unsent.length > 0) await keepStreaming();
    })(),
    acknowledged: () => acknowledged,
    resent: () => resent,
    longestGapMs: () => longestGapMs,
  };
}

/** The service has answered, and the answer was no. */
class Refused extends Error {}

function toMessage({ idempotencyKey, type, requestId, deliverBefore }: PlannedEvent) {
  return {
    idempotencyKey,
    type,
    requestId,
    requester: "alice@example.com",
    ...(deliverBefore !== undefined && { deliverBefore: timestampFromMs(deliverBefore) }),
  };
}
