/**
 * Repeats `work`, which deals with as many rows as it is given and answers with how many it
 * found, until there are fewer or `signal` is aborted: nothing is locked for long. Answers
 * the sum.
 */
export async function inBatches(
  batch: number,
  work: (batch: number) => Promise<number>,
  signal?: AbortSignal,
): Promise<number> {
  let sum = 0;
  while (!signal?.aborted) {
    const done = await work(batch);
    sum += done;
    if (done < batch) break;
  }
  return sum;
}
