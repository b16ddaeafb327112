/** A window is this long. */
const windowMs = 100;

/** How fast something goes, as a count of what to expect in the next 100 ms. */
export interface Pace {
  /** One more was done. */
  count(): void;
  /** What to expect in the next 100 ms, judged by the last full window. */
  expected(): number;
}

/**
 * Measures pace in windows of 100 ms. Something that is done seldom, or stops
 * being done, soon expects nothing.
 */
export function createPace(): Pace {
  let startedAt = performance.now();
  let counted = 0;
  let expected = 0;

  function closeWindow(): void {
    const elapsedMs = performance.now() - startedAt;
    if (elapsedMs < windowMs) return;
    expected = Math.floor((counted * windowMs) / elapsedMs);
    startedAt += elapsedMs;
    counted = 0;
  }

  return {
    count() {
      closeWindow();
      counted++;
    },
    expected() {
      closeWindow();
      return expected;
    },
  };
}
