import { promises as dns, type LookupAddress } from "node:dns";
import type { LookupFunction } from "node:net";
import { shareRunning } from "../async/share-running.ts";
import { withinMs } from "../async/within-ms.ts";
import { createAddressRules, isAddress } from "./address-rules.ts";
import { addressRefused } from "./http-failure.ts";
import { createHostResolver, type ResolveHost } from "./resolve-host.ts";

/**
 * Keeps channels from reaching what only this service can reach: tenants decide
 * where notices go, and the service stands inside somebody's network.
 */
export interface AddressGuard {
  /** Throws an AddressRefused for a literal address that is not allowed; other hosts pass. */
  assertHost(host: string): void;
  /**
   * For `net.connect` and `tls.connect`, which ask it about every host that is no
   * literal address and connect to nothing but its answers. It answers the allowed
   * addresses alone, so a name that changes between check and use gains nothing.
   * Fails with AddressRefused when there is none.
   */
  lookup: LookupFunction;
  /**
   * What is wrong with a host as a destination, in words for who configures it:
   * a literal address that is not allowed, or a name of which no address is. A name
   * that does not resolve, or not in time, is accepted: its DNS entry may come later.
   * `host`: as in a URL, IPv6 with or without brackets.
   */
  check(host: string): Promise<string | undefined>;
}

export interface AddressGuardOptions {
  /** CIDRs, addresses and host names that are allowed beside public addresses. */
  allow: string[];
  /** Default: one that knows the hosts file and search domains. */
  resolve?: ResolveHost;
}

/**
 * The error for a destination that is not allowed. It names neither host nor address.
 * Senders answer it with "retry": what a name resolves to may be another thing soon.
 */
export class AddressRefused extends Error {
  readonly code = addressRefused;

  constructor() {
    super("The address is not allowed");
  }
}

/** How long `check` waits for DNS, in milliseconds. */
const checkTimeoutMs = 2_000;

export function createAddressGuard({ allow, resolve = systemResolver() }: AddressGuardOptions): AddressGuard {
  const rules = createAddressRules(allow);
  // Lookups of one name that run at the same time are one, however many sends wait for it.
  const shared = shareRunning<LookupAddress[]>();

  /** The addresses of a name that may be connected to. Rejects when there is none. */
  async function allowedAddresses(host: string): Promise<LookupAddress[]> {
    const addresses = await shared(host, () => resolve(host));
    if (rules.allowsHost(host)) return addresses;
    const allowed = addresses.filter(({ address }) => rules.allowsAddress(address));
    if (allowed.length === 0) throw new AddressRefused();
    return allowed;
  }

  function assertHost(host: string): void {
    if (isAddress(host) && !rules.allowsAddress(host)) throw new AddressRefused();
  }

  return {
    assertHost,

    lookup(host, { all }, callback) {
      allowedAddresses(host).then(
        (allowed) => {
          if (all) callback(null, allowed);
          else callback(null, allowed[0]?.address ?? "", allowed[0]?.family);
        },
        (error: NodeJS.ErrnoException) => callback(error, []),
      );
    },

    async check(hostInUrl) {
      const host = hostInUrl.replace(/^\[(.*)\]$/, "$1");
      try {
        assertHost(host);
        if (!isAddress(host)) await withinMs(checkTimeoutMs, allowedAddresses(host));
        return undefined;
      } catch (error) {
        return error instanceof AddressRefused ? notAllowed : undefined;
      }
    },
  };
}

const notAllowed =
  "must not lead to a private, local or otherwise special address, unless the operator allows it (JITSUDO_ALLOW_DESTINATIONS)";

/** Where there is more to it than two files in /etc, the system is asked for everything. */
function systemResolver(): ResolveHost {
  return process.platform === "linux" ? createHostResolver() : (host) => dns.lookup(host, { all: true });
}
