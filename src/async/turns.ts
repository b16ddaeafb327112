/** What waits, in lines that take turns: who has much waiting delays only themselves. */
export interface Turns<Item> {
  /** At the end of its owner's line. */
  add(item: Item): void;
  /** Takes what goes next; nothing only when nothing waits. */
  take(): Item[];
  /** Whether nothing waits. */
  isEmpty(): boolean;
  /** How many of an owner's items wait. */
  waitingOf(owner: string): number;
}

export interface TurnsOptions<Item> {
  /** How much is taken at once. */
  maxItems: number;
  /** Whose line an item waits in. Default: the only one. */
  ownerOf?: ((item: Item) => string) | undefined;
  /** How many items it counts for; one that counts for more than `maxItems` is taken alone. Default: 1. */
  weightOf?: ((item: Item) => number) | undefined;
}

export function createTurns<Item>({
  maxItems,
  ownerOf = () => "",
  weightOf = () => 1,
}: TurnsOptions<Item>): Turns<Item> {
  /** In the order of their turns. */
  const lines = new Map<string, Item[]>();

  return {
    add(item) {
      const owner = ownerOf(item);
      const line = lines.get(owner);
      if (line) line.push(item);
      else lines.set(owner, [item]);
    },

    take() {
      const taken: Item[] = [];
      const share = maxItems / lines.size;
      let room = maxItems;
      // A line that has had its turn is put at the end, where this loop comes to it again.
      for (const [owner, line] of lines) {
        let count = 0;
        for (let left = share; left > 0 && count < line.length; count++) {
          const item = line[count] as Item;
          const weight = weightOf(item);
          if (weight > room && taken.length > 0) break;
          taken.push(item);
          room -= weight;
          left -= weight;
        }
        // Its turn comes first next time.
        if (count === 0) break;
        lines.delete(owner);
        if (count < line.length) {
          line.splice(0, count);
          lines.set(owner, line);
        }
        if (room <= 0) break;
      }
      return taken;
    },

    isEmpty: () => lines.size === 0,
    waitingOf: (owner) => lines.get(owner)?.length ?? 0,
  };
}
