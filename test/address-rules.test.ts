import fc from "fast-check";
import { describe, expect, test } from "vitest";
import { createAddressRules, isDestination, loopbackRanges } from "../src/channels/address-rules.ts";

/*
 * The special-purpose registries of IANA, an address of each
 * (https://www.iana.org/assignments/iana-ipv4-special-registry,
 * https://www.iana.org/assignments/iana-ipv6-special-registry), and what multicast and
 * transition mechanisms add; at the end the host of a machine on Azure.
 */
const special = [
  "0.0.0.0",
  "0.1.2.3",
  "10.0.0.1",
  "100.64.0.1",
  "100.127.255.255",
  "127.0.0.1",
  "127.255.255.254",
  "169.254.169.254",
  "172.16.0.1",
  "172.31.255.255",
  "192.0.0.8",
  "192.0.0.170",
  "192.0.2.1",
  "192.31.196.1",
  "192.52.193.1",
  "192.88.99.1",
  "192.168.1.1",
  "192.175.48.1",
  "198.18.0.1",
  "198.19.255.255",
  "198.51.100.1",
  "203.0.113.1",
  "224.0.0.1",
  "239.255.255.250",
  "240.0.0.1",
  "255.255.255.255",
  "::",
  "::1",
  "::127.0.0.1",
  "::8.8.8.8",
  "::ffff:127.0.0.1",
  "::ffff:7f00:1",
  "::ffff:a9fe:a9fe",
  "::ffff:0:8.8.8.8",
  "64:ff9b::127.0.0.1",
  "64:ff9b::169.254.169.254",
  "64:ff9b:1::8.8.8.8",
  "100::1",
  "100:0:0:1::1",
  "2001::1",
  "2001:2::1",
  "2001:3::1",
  "2001:4:112::1",
  "2001:10::1",
  "2001:20::1",
  "2001:30::1",
  "2001:db8::1",
  "2002:7f00:1::1",
  "2002:808:808::1",
  "168.63.129.16",
  "::ffff:168.63.129.16",
  "64:ff9b::a83f:8110",
  "2620:4f:8000::1",
  "3fff::1",
  "5f00::1",
  "fc00::1",
  "fd12:3456::1",
  "fe80::1",
  "fe80::1%eth0",
  "febf::1",
  "fec0::1",
  "ff02::1",
  "4000::1",
];

const publicOnes = [
  "8.8.8.8",
  "1.1.1.1",
  "100.63.255.255",
  "100.128.0.0",
  "172.15.255.255",
  "172.32.0.0",
  "223.255.255.255",
  "2606:4700:4700::1111",
  "2a00:1450:4001:80b::200e",
  "::ffff:8.8.8.8",
  "64:ff9b::808:808",
];

describe("without anything that the operator allows", () => {
  const rules = createAddressRules([]);

  test.each(special)("%s is not allowed", (address) => {
    expect(rules.allowsAddress(address)).toBe(false);
  });

  test.each(publicOnes)("%s is allowed", (address) => {
    expect(rules.allowsAddress(address)).toBe(true);
  });

  test("what is no address is not allowed", () => {
    for (const text of ["", "localhost", "example.com", "8.8.8.8:80", "[::1]", "8.8.8.8, 10.0.0.1"]) {
      expect(rules.allowsAddress(text)).toBe(false);
    }
  });

  test("an IPv4 address is judged the same in every notation that reaches it", () => {
    const octet = fc.integer({ min: 0, max: 255 });
    fc.assert(
      fc.property(fc.tuple(octet, octet, octet, octet), (octets) => {
        const dotted = octets.join(".");
        const [a = 0, b = 0, c = 0, d = 0] = octets;
        const hex = `${(a * 256 + b).toString(16)}:${(c * 256 + d).toString(16)}`;
        const allowed = rules.allowsAddress(dotted);
        for (const other of [`::ffff:${dotted}`, `::FFFF:${hex}`, `64:ff9b::${dotted}`, `64:ff9b::${hex}`]) {
          expect(rules.allowsAddress(other), other).toBe(allowed);
        }
        // Never reached by these; some networks would route them.
        for (const other of [`::${hex}`, `2002:${hex}::1`, `64:ff9b:1::${dotted}`, `::ffff:0:${hex}`]) {
          expect(rules.allowsAddress(other), other).toBe(false);
        }
      }),
    );
  });

  test("nothing outside of 2000::/3 is public but what wraps a public IPv4 address", () => {
    const part = fc.integer({ min: 0, max: 0xffff });
    const first = part.filter((value) => value >> 13 !== 1);
    fc.assert(
      fc.property(first, fc.array(part, { minLength: 7, maxLength: 7 }), (head, rest) => {
        fc.pre(head !== 0 && head !== 0x64);
        expect(rules.allowsAddress([head, ...rest].map((value) => value.toString(16)).join(":"))).toBe(false);
      }),
    );
  });
});

describe("what the operator allows", () => {
  test.each([
    ["10.0.0.0/8", "10.255.0.1", "11.0.0.1"],
    ["10.0.0.0/8", "::ffff:10.1.2.3", undefined],
    ["10.0.0.0/8", "64:ff9b::10.1.2.3", undefined],
    ["192.168.7.9", "192.168.7.9", undefined],
    ["fd00::/8", "fd12::1", undefined],
    ["2002::/16", "2002:7f00:1::1", undefined],
    ["::1", "::1", undefined],
    ["127.0.0.0/8", "::ffff:127.0.0.1", undefined],
  ])("%s allows %s", (allowed, inside, outside) => {
    const rules = createAddressRules([allowed]);
    expect(rules.allowsAddress(inside)).toBe(true);
    expect(rules.allowsAddress("8.8.8.8")).toBe(true);
    if (outside) expect(rules.allowsAddress(outside)).toBe(createAddressRules([]).allowsAddress(outside));
    expect(rules.allowsAddress("192.168.7.8")).toBe(false);
    expect(rules.allowsAddress("169.254.169.254")).toBe(false);
  });

  test("is taken by its name in any case, and with the dot that ends a full name", () => {
    const rules = createAddressRules(["Hooks.Internal"]);
    for (const host of ["hooks.internal", "HOOKS.INTERNAL", "hooks.internal."]) {
      expect(rules.allowsHost(host)).toBe(true);
    }
    for (const host of ["internal", "x.hooks.internal", "hooks.internal.example.com", ""]) {
      expect(rules.allowsHost(host)).toBe(false);
    }
  });

  test("does not include more of loopback than loopback", () => {
    const rules = createAddressRules(loopbackRanges);
    for (const address of ["127.0.0.1", "127.9.9.9", "::1"]) expect(rules.allowsAddress(address)).toBe(true);
    for (const address of ["0.0.0.0", "::", "169.254.169.254", "10.0.0.1", "fe80::1"]) {
      expect(rules.allowsAddress(address)).toBe(false);
    }
  });

  test("must be a CIDR, an address or a host name", () => {
    for (const entry of [
      "10.0.0.0/8",
      "10.1.2.3",
      "::1",
      "fd00::/8",
      "a",
      "hooks.internal",
      "svc_1.x-y.z.",
    ]) {
      expect(isDestination(entry), entry).toBe(true);
    }
    const wrong = [
      "",
      "10.0.0.0/33",
      "10.0.0/8",
      "10",
      "1.2.3",
      "0x7f.1.2.3/8",
      "*.internal",
      "a b",
      "-a",
      "a..b",
    ];
    for (const entry of [...wrong, "http://a", "a:80", "[::1]", "10.0.0.0/8/8", "10.0.0.0/", "ü.de"]) {
      expect(isDestination(entry), entry).toBe(false);
      expect(() => createAddressRules([entry])).toThrow("neither a CIDR");
    }
  });
});
