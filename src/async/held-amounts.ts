/** How much of something each key has at the moment. A key that has nothing takes no memory. */
export interface HeldAmounts {
  of(key: string): number;
  /** A negative amount gives back. */
  add(key: string, amount: number): void;
}

export function createHeldAmounts(): HeldAmounts {
  const amounts = new Map<string, number>();
  const of = (key: string) => amounts.get(key) ?? 0;

  return {
    of,
    add(key, amount) {
      const all = of(key) + amount;
      if (all > 0) amounts.set(key, all);
      else amounts.delete(key);
    },
  };
}
