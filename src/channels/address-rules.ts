import { isIP } from "node:net";
import ipaddr from "ipaddr.js";

type Address = ipaddr.IPv4 | ipaddr.IPv6;

/** Which addresses and hosts may be connected to. */
export interface AddressRules {
  /** `address`: IPv4 or IPv6 in any notation, a zone included. What is no address is not allowed. */
  allowsAddress(address: string): boolean;
  /** Whether the operator has allowed the host by its name, whatever it resolves to. */
  allowsHost(host: string): boolean;
}

/** Ranges of the machine itself. */
export const loopbackRanges = ["127.0.0.0/8", "::1/128"];

/**
 * Public addresses are allowed, and beyond them what `allowed` names: CIDRs,
 * addresses and host names. Throws for an entry that is none of these.
 */
export function createAddressRules(allowed: string[]): AddressRules {
  const destinations = allowed.map((entry) => {
    const destination = parseDestination(entry);
    if (!destination) throw new Error(`${entry} is neither a CIDR, nor an address, nor a host name`);
    return destination;
  });
  const ranges = destinations.flatMap((one) => (one.kind === "range" ? [one] : []));
  const hosts = new Set(destinations.flatMap((one) => (one.kind === "host" ? [one.host] : [])));

  return {
    allowsAddress(text) {
      const address = parseAddress(text);
      if (!address) return false;
      const target = reachedThrough(address);
      return isPublic(target) || ranges.some((range) => [address, target].some((one) => isIn(one, range)));
    },
    allowsHost: (host) => hosts.has(normalHost(host)),
  };
}

/** Whether an operator may name it as an allowed destination. */
export function isDestination(entry: string): boolean {
  return parseDestination(entry) !== undefined;
}

/** Whether a host is a literal address, which no resolver is asked about: by our reading or by Node's, which takes more for one. */
export function isAddress(host: string): boolean {
  return parseAddress(host) !== undefined || isIP(host) !== 0;
}

/** Whether an address is the machine itself. */
export function isLoopback(address: string): boolean {
  return parseAddress(address)?.range() === "loopback";
}

/**
 * IPv4: whatever no registry of special purposes names. IPv6: the same within
 * 2000::/3, from which alone public addresses are given out (RFC 4291, 2.4); so
 * the deprecated ::a.b.c.d, SIIT, site-local and ranges yet to be defined are out. And one
 * address that looks like a public one, see azureHost.
 */
function isPublic(address: Address): boolean {
  if (address.range() !== "unicast" || isIn(address, azureHost)) return false;
  return address.kind() === "ipv4" || isIn(address, globalUnicast);
}

/**
 * The IPv4 address that is reached when the IPv6 address only wraps it: IPv4-mapped
 * (RFC 4291, 2.5.5.2), or through the well-known NAT64 prefix, which is how
 * networks without IPv4 reach public hosts (RFC 6052, 2.1).
 */
function reachedThrough(address: Address): Address {
  const wraps = isIn(address, mapped) || isIn(address, nat64);
  return wraps ? new ipaddr.IPv4(address.toByteArray().slice(12)) : address;
}

interface Range {
  kind: "range";
  base: Address;
  bits: number;
}

function parseDestination(entry: string): Range | { kind: "host"; host: string } | undefined {
  const [address = "", ...bits] = entry.split("/");
  // Stricter than what is read as an address elsewhere: "10" must not become 0.0.0.10.
  const family = isIP(address);
  if (bits.length > 0) return family && ipaddr.isValidCIDR(entry) ? rangeOf(entry) : undefined;
  if (family) return rangeOf(`${address}/${family === 4 ? 32 : 128}`);
  const host = normalHost(entry);
  return hostName.test(host) ? { kind: "host", host } : undefined;
}

function rangeOf(cidr: string): Range {
  const [base, bits] = ipaddr.parseCIDR(cidr);
  return { kind: "range", base, bits };
}

function parseAddress(text: string): Address | undefined {
  // The library takes ::1.2.3.4 for ::ffff:1.2.3.4, which is another address.
  const exact = text.replace(/^::(?=\d+\.)/, "0::");
  return ipaddr.isValid(exact) ? ipaddr.parse(exact) : undefined;
}

function isIn(address: Address, { base, bits }: Range): boolean {
  return address.kind() === base.kind() && address.match(base, bits);
}

/** DNS takes no account of case, nor of the dot that ends a full name. */
function normalHost(host: string): string {
  return host.toLowerCase().replace(/\.$/, "");
}

/** Labels as RFC 1123 has them, and "_", which internal names use; the last one is no number. */
const hostName =
  /^(?=.{1,253}$)([a-z0-9_]([a-z0-9_-]{0,61}[a-z0-9_])?\.)*(?!\d+$)[a-z0-9_]([a-z0-9_-]{0,61}[a-z0-9_])?$/;

const globalUnicast = rangeOf("2000::/3");
const mapped = rangeOf("::ffff:0:0/96");
const nat64 = rangeOf("64:ff9b::/96");
/**
 * Where machines on Azure reach their host, which hands out their settings and certificates
 * (https://learn.microsoft.com/azure/virtual-network/what-is-ip-address-168-63-129-16).
 */
const azureHost = rangeOf("168.63.129.16/32");
