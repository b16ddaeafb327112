/** Now, but later than `before` in any case: workers take a channel or settings of an equal time for what they know. */
export function laterThan(before: Date): Date {
  return new Date(Math.max(Date.now(), before.getTime() + 1));
}
