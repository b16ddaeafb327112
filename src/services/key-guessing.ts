import ipaddr from "ipaddr.js";

/**
 * Slows down those who try keys that do not exist. No secret of 256 bits is found by
 * trying; what is protected is the database, which looks each of them up.
 */
export interface KeyGuessing {
  /** Counts a try from an address. Answers 0 when it may go on, else after how many ms. */
  tryFrom(address: string): number;
  /** The try had a good key after all. */
  succeeded(address: string): void;
}

/** Tries that an address has at once, and then a second. */
const capacity = 20;
const perSecond = 1;
/** An address that is forgotten starts afresh; so few can be remembered in little memory. */
const maxAddresses = 10_000;

interface Bucket {
  tries: number;
  at: number;
}

export function createKeyGuessing(): KeyGuessing {
  const buckets = new Map<string, Bucket>();

  return {
    tryFrom(address) {
      const network = networkOf(address);
      const now = performance.now();
      const known = buckets.get(network) ?? { tries: capacity, at: now };
      const tries = Math.min(capacity, known.tries + ((now - known.at) / 1000) * perSecond);
      const allowed = tries >= 1;
      // Put last: the first in the map is the one that has been quiet for longest.
      buckets.delete(network);
      if (buckets.size >= maxAddresses) forgetFirst(buckets);
      buckets.set(network, { tries: allowed ? tries - 1 : tries, at: now });
      return allowed ? 0 : ((1 - tries) / perSecond) * 1000;
    },
    succeeded(address) {
      const bucket = buckets.get(networkOf(address));
      if (bucket) bucket.tries += 1;
    },
  };
}

function forgetFirst(buckets: Map<string, Bucket>): void {
  const [first] = buckets.keys();
  if (first !== undefined) buckets.delete(first);
}

/** One customer has a whole /64 of IPv6 addresses to call from. */
function networkOf(address: string): string {
  if (!address.includes(":") || !ipaddr.isValid(address)) return address;
  const parsed = ipaddr.process(address);
  return parsed.kind() === "ipv4" ? parsed.toString() : parsed.toByteArray().slice(0, 8).join(".");
}
