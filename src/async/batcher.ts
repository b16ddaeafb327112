import { createTurns, type TurnsOptions } from "./turns.ts";

/**
 * Collects concurrent calls into batches: the first call runs at once, and what
 * comes while it runs waits for it and then goes together. So nobody waits for a
 * timer, and the busier it gets the larger the batches are.
 */
export interface Batcher<Item, Result> {
  /** Resolves with the item's own result; rejects when its batch failed. */
  add(item: Item): Promise<Result>;
  /** How many of an owner's items wait for their batch. */
  waitingOf(owner: string): number;
  /** Resolves when all that was added has settled. */
  idle(): Promise<void>;
}

/** Owners take turns in each batch, with the same share of it; the items of one keep their order. */
export interface BatcherOptions<Item, Result> extends TurnsOptions<Item> {
  /** Answers one result an item, in order. */
  run(items: Item[]): Promise<Result[]>;
  /** How many batches may run at the same time. */
  concurrency?: number;
  /**
   * Whether an error may be one item's fault. The items of the batch, none of which
   * may have been carried out, then run one by one, so that it fails alone.
   */
  isolate?: (error: unknown) => boolean;
  /** Told the size of every batch. */
  onBatch?: (size: number) => void;
}

interface Waiting<Item, Result> {
  item: Item;
  resolve(result: Result): void;
  reject(error: unknown): void;
}

export function createBatcher<Item, Result>({
  run,
  maxItems,
  ownerOf,
  weightOf,
  concurrency = 1,
  isolate = () => false,
  onBatch = () => undefined,
}: BatcherOptions<Item, Result>): Batcher<Item, Result> {
  const waiting = createTurns<Waiting<Item, Result>>({
    maxItems,
    ownerOf: ownerOf && (({ item }) => ownerOf(item)),
    weightOf: weightOf && (({ item }) => weightOf(item)),
  });
  const idleWaiters: (() => void)[] = [];
  let running = 0;
  let scheduled = false;

  function schedule(): void {
    if (scheduled || running >= concurrency || waiting.isEmpty()) return;
    scheduled = true;
    // After the current turn, so that calls made together go together.
    setImmediate(() => {
      scheduled = false;
      void runBatch();
    });
  }

  async function runBatch(): Promise<void> {
    const batch = waiting.take();
    if (batch.length === 0) return;
    running++;
    onBatch(batch.length);
    schedule();
    await settle(batch);
    running--;
    schedule();
    if (running === 0 && waiting.isEmpty()) {
      for (const resolve of idleWaiters.splice(0)) resolve();
    }
  }

  async function settle(batch: Waiting<Item, Result>[]): Promise<void> {
    try {
      const results = await run(batch.map(({ item }) => item));
      batch.forEach(({ resolve }, index) => {
        resolve(results[index] as Result);
      });
    } catch (error) {
      if (batch.length > 1 && isolate(error)) {
        for (const waiting of batch) await settle([waiting]);
      } else {
        for (const { reject } of batch) reject(error);
      }
    }
  }

  return {
    add: (item) =>
      new Promise((resolve, reject) => {
        waiting.add({ item, resolve, reject });
        schedule();
      }),
    waitingOf: waiting.waitingOf,
    idle: () =>
      running === 0 && waiting.isEmpty()
        ? Promise.resolve()
        : new Promise((resolve) => idleWaiters.push(resolve)),
  };
}
