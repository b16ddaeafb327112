/**
 * Runs `work` every `everyMs` after the last time ended. When it rejects, `onError` hears of
 * it and the next round tries again. `close` resolves when what runs has ended.
 */
export function repeat(
  everyMs: number,
  work: () => Promise<unknown>,
  onError: (error: Error) => void,
): { close(): Promise<void> } {
  let closed = false;
  let running: Promise<void> = Promise.resolve();
  let timer: NodeJS.Timeout;

  function schedule(): void {
    if (closed) return;
    timer = setTimeout(() => {
      running = work().then(() => undefined, onError);
      void running.then(schedule);
    }, everyMs);
  }

  schedule();
  return {
    close() {
      closed = true;
      clearTimeout(timer);
      return running;
    },
  };
}
