/**
 * What `work` ends with, or a rejection with the signal's reason if that comes
 * first; the work's own end is then of no interest.
 */
export function untilAborted<T>(work: T | Promise<T>, signal: AbortSignal): Promise<T> {
  return new Promise((resolve, reject) => {
    const onAbort = (): void => reject(signal.reason);
    const stopListening = (): void => signal.removeEventListener("abort", onAbort);
    if (signal.aborted) onAbort();
    else signal.addEventListener("abort", onAbort);
    Promise.resolve(work).then(
      (result) => {
        stopListening();
        resolve(result);
      },
      (reason: unknown) => {
        stopListening();
        reject(reason);
      },
    );
  });
}
