import { Code, ConnectError } from "@connectrpc/connect";
import type {
  IngestEventRequest,
  IngestEventResponse,
  IngestEventResult,
  IngestEventsResponse,
} from "../../gen/jitsudo/notifications/v1/event_pb.js";
import { abortableSleep } from "../async/abortable-sleep.ts";
import { type Publisher, settleEvent } from "./publish-result.ts";
import { isTooLarge, type PublishRetryOptions, retryDelayMs } from "./publish-retry.ts";

export interface PublishLaneOptions {
  send(events: IngestEventRequest[], signal: AbortSignal): Promise<IngestEventsResponse>;
  maxBatchEvents: number;
  maxBatchBytes: number;
  /** How long the first event of a batch waits for others, in milliseconds. */
  maxWaitMs: number;
  retry: PublishRetryOptions;
  onRetry(retry: PublishRetry): void;
}

/** A try that failed and will be repeated. */
export interface PublishRetry {
  error: ConnectError;
  /** How many events wait for the next try. */
  events: number;
  /** 1 for the first try. */
  attempt: number;
  /** Until the next try, in milliseconds. */
  waitMs: number;
}

/** Events that go out in the order in which they came, one batch at a time. */
export interface PublishLane {
  add(event: IngestEventRequest, bytes: number): Promise<IngestEventResponse>;
  /** Events that have no answer yet. */
  size(): number;
  /** Resolves when fewer than `limit` events have no answer yet. */
  below(limit: number): Promise<void>;
  /** From now on no batch waits for further events. */
  hurry(): void;
  /** Ends what is under way, rejects what has no answer yet, and returns those events, oldest first. */
  abandon(): IngestEventRequest[];
}

interface Item extends Publisher {
  event: IngestEventRequest;
  bytes: number;
  publishedAt: number;
  answer: Promise<IngestEventResponse>;
}

export function createPublishLane(options: PublishLaneOptions): PublishLane {
  const { send, maxBatchEvents, maxBatchBytes, retry, onRetry } = options;
  const { giveUpAfterMs = Infinity } = retry;
  // An event that is soon given up must not spend its time on waiting for others.
  const maxWaitMs = Math.min(options.maxWaitMs, giveUpAfterMs / 2);
  const stop = new AbortController();
  const queue: Item[] = [];
  let sending: Item[] = [];
  let queuedBytes = 0;
  let running = false;
  let hurried = options.maxWaitMs === 0;
  let full = new AbortController();
  const watchers = new Set<() => void>();

  async function run(): Promise<void> {
    running = true;
    while (queue.length > 0 && !stop.signal.aborted) {
      await fillBatch(queue[0]?.publishedAt ?? 0);
      sending = takeBatch();
      await deliver(sending);
    }
    running = false;
  }

  /** Until the batch is full or its first event has waited long enough, which it may have done in the queue. */
  async function fillBatch(since: number): Promise<void> {
    const waitMs = since + maxWaitMs - performance.now();
    full = new AbortController();
    if (isFull()) return;
    // At least a turn, so that events published together go together.
    await abortableSleep(hurried ? 0 : Math.max(0, waitMs), full.signal);
  }

  function isFull(): boolean {
    return queue.length >= maxBatchEvents || queuedBytes >= maxBatchBytes;
  }

  /** At least one, however large it is. */
  function takeBatch(): Item[] {
    let bytes = 0;
    const end = queue.findIndex((item, index) => {
      bytes += item.bytes;
      return index > 0 && (index >= maxBatchEvents || bytes > maxBatchBytes);
    });
    const batch = queue.splice(0, end < 0 ? queue.length : end);
    for (const { bytes } of batch) queuedBytes -= bytes;
    return batch;
  }

  /** Returns when every item of the batch has been settled, or all were abandoned. */
  async function deliver(batch: Item[]): Promise<void> {
    let open = batch;
    // What an event that gets too old is rejected with: the last failure, if there was one.
    let why = unanswered();
    for (let attempt = 1; !stop.signal.aborted; attempt++) {
      open = giveUp(open, why, 0);
      if (open.length === 0) return;
      const outcome = await attemptToSend(open, why);
      if (stop.signal.aborted) return;
      if (!(outcome instanceof ConnectError)) return settle(open, outcome.results);
      if (isTooLarge(outcome) && open.length > 1) {
        const middle = Math.ceil(open.length / 2);
        await deliver(open.slice(0, middle));
        return await deliver(open.slice(middle));
      }
      why = outcome;
      const waitMs = retryDelayMs(outcome, attempt, retry);
      open = giveUp(open, outcome, waitMs);
      if (waitMs === undefined || open.length === 0) return;
      onRetry({ error: outcome, events: open.length, attempt, waitMs });
      await abortableSleep(waitMs, stop.signal);
    }
  }

  /** Ends when the oldest item is to be given up, though the call hangs: then with `why`. */
  async function attemptToSend(
    items: Item[],
    why: ConnectError,
  ): Promise<IngestEventsResponse | ConnectError> {
    const ended = new AbortController();
    const oldest = Math.min(...items.map(({ publishedAt }) => publishedAt));
    const late = lateSignal(oldest + giveUpAfterMs - performance.now(), ended.signal);
    try {
      return await send(
        items.map(({ event }) => event),
        AbortSignal.any([stop.signal, late]),
      );
    } catch (error) {
      return late.aborted ? why : ConnectError.from(error);
    } finally {
      ended.abort();
    }
  }

  /** Rejects the items that are not to be tried again, or are too old by then, and returns the others. */
  function giveUp(items: Item[], error: ConnectError, waitMs: number | undefined): Item[] {
    const kept = items.filter(({ publishedAt }) => {
      return waitMs !== undefined && performance.now() + waitMs - publishedAt < giveUpAfterMs;
    });
    if (kept.length === items.length) return items;
    finish(items.filter((item) => !kept.includes(item)).map((item) => [item, () => item.reject(error)]));
    return kept;
  }

  function unanswered(): ConnectError {
    const message = `the event was given up after ${giveUpAfterMs} ms without an answer`;
    return new ConnectError(message, Code.DeadlineExceeded);
  }

  function settle(items: Item[], results: IngestEventResult[]): void {
    finish(items.map((item, index) => [item, () => settleEvent(item, results[index])]));
  }

  function finish(settled: [Item, () => void][]): void {
    const gone = new Set(settled.map(([item]) => item));
    sending = sending.filter((item) => !gone.has(item));
    for (const [, tell] of settled) tell();
    for (const check of watchers) check();
  }

  return {
    add(event, bytes) {
      const { promise: answer, resolve, reject } = Promise.withResolvers<IngestEventResponse>();
      queue.push({ event, bytes, publishedAt: performance.now(), answer, resolve, reject });
      queuedBytes += bytes;
      if (isFull()) full.abort();
      if (!running) void run();
      return answer;
    },
    size: () => queue.length + sending.length,
    below(limit) {
      const { promise, resolve } = Promise.withResolvers<void>();
      const check = () => {
        if (queue.length + sending.length >= limit) return;
        watchers.delete(check);
        resolve();
      };
      watchers.add(check);
      check();
      return promise;
    },
    hurry() {
      hurried = true;
      full.abort();
    },
    abandon() {
      stop.abort();
      full.abort();
      const unsent = [...sending, ...queue.splice(0)];
      const error = new ConnectError(
        "the publisher was closed before the event was acknowledged",
        Code.Canceled,
      );
      // Whoever closes is given these events: a producer that awaits no answer must not end the process.
      for (const { answer } of unsent) answer.catch(() => {});
      finish(unsent.map((item) => [item, () => item.reject(error)]));
      return unsent.map(({ event }) => event);
    },
  };
}

/** Aborts after `ms`, unless `ended` aborts first. */
function lateSignal(ms: number, ended: AbortSignal): AbortSignal {
  const late = new AbortController();
  void abortableSleep(ms, ended).then(() => {
    if (!ended.aborted) late.abort();
  });
  return late.signal;
}
