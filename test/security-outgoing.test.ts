import type { LookupAddress } from "node:dns";
import { afterEach, beforeEach, describe, expect, test } from "vitest";
import { createAddressGuard } from "../src/channels/address-guard.ts";
import { loopbackRanges } from "../src/channels/address-rules.ts";
import type { ChannelConfigs, Notice } from "../src/channels/channel.ts";
import { describeFailure } from "../src/channels/http-failure.ts";
import { createSenders } from "../src/channels/senders.ts";
import { ConfigError, readConfig } from "../src/config.ts";
import { makeCertificates } from "./sinks/certificates.ts";
import { type HttpSink, startHttpSink } from "./sinks/http-sink.ts";
import { type SmtpSink, startSmtpSink } from "./sinks/smtp-sink.ts";

const notice: Notice = {
  deliveryId: "0198c0de-0000-7000-8000-000000000001",
  eventId: "0198c0de-0000-7000-8000-000000000002",
  tenantId: "0198c0de-0000-7000-8000-000000000003",
  receivedAt: new Date("2026-03-01T10:00:00Z"),
  event: { type: "request.break_glass", requester: "alice" },
};
const refused = { kind: "retry", error: "the address is not allowed" };
const delivered = expect.objectContaining({ kind: "delivered" });

let http: HttpSink;
let smtp: SmtpSink;
const closing: (() => Promise<void>)[] = [];

beforeEach(async () => {
  http = await startHttpSink();
  smtp = await startSmtpSink();
  closing.push(http.close, smtp.close);
});

afterEach(async () => {
  for (const close of closing.splice(0).reverse()) await close();
});

type Resolve = (host: string) => Promise<LookupAddress[]>;

/** Senders as the worker has them, in a network where `resolve` is the DNS. */
function startSenders(allow: string[], resolve?: Resolve) {
  const guard = createAddressGuard({ allow, ...(resolve && { resolve }) });
  const senders = createSenders({ timeoutMs: 5_000, guard, snsCredentials: "own" });
  closing.push(senders.close);
  const { signal } = new AbortController();
  const { tenantId } = notice;
  return {
    webhook: (config: ChannelConfigs["generic_webhook"], id = "webhook") =>
      senders.send({ id, tenantId, type: "generic_webhook", config }, notice, signal),
    slack: (webhook_url: string) =>
      senders.send({ id: "slack", tenantId, type: "slack_webhook", config: { webhook_url } }, notice, signal),
    email: (smtp_host: string, tls: ChannelConfigs["email"]["tls"] = "starttls") => {
      const addresses = { from_address: "jitsudo@example.com", to_addresses: ["ops@example.com"] };
      const config = { smtp_host, smtp_port: smtp.port, tls, ...addresses };
      return senders.send({ id: smtp_host + tls, tenantId, type: "email", config }, notice, signal);
    },
  };
}

const portOf = (sink: HttpSink) => new URL(sink.url).port;
const answers = (...addresses: string[]): LookupAddress[] =>
  addresses.map((address) => ({ address, family: address.includes(":") ? 6 : 4 }));

describe("an address that is not allowed", () => {
  test.each([
    "127.0.0.1",
    "127.1",
    "2130706433",
    "0x7f000001",
    "0177.0.0.1",
    "0x7f.0.0.0x1",
    "0.0.0.0",
    "[::1]",
    "[::]",
    "[::ffff:127.0.0.1]",
    "[::ffff:7f00:1]",
    "[0:0:0:0:0:ffff:127.0.0.1]",
    "[64:ff9b::7f00:1]",
    "[::127.0.0.1]",
    "localhost",
    "169.254.169.254",
  ])("is not posted to as %s", async (host) => {
    const { webhook, slack } = startSenders([]);
    for (const scheme of ["http", "https"]) {
      expect(await webhook({ url: `${scheme}://${host}:${portOf(http)}/` })).toEqual(refused);
    }
    expect(await slack(`http://${host}:${portOf(http)}/services/T/B/x`)).toEqual(refused);
    expect(http.connections()).toBe(0);
  });

  test.each(["127.0.0.1", "127.1", "0x7f.1", "2130706433", "::1", "::ffff:127.0.0.1", "localhost", "::"])(
    "is not mailed to as %s",
    async (host) => {
      const { email } = startSenders([]);
      for (const tls of ["starttls", "implicit", "none"] as const) {
        expect(await email(host, tls)).toEqual(refused);
      }
      expect(smtp.connections()).toBe(0);
    },
  );

  test("is not reached by a name that changes what it resolves to", async () => {
    let lookups = 0;
    const { webhook, email } = startSenders([], async () => {
      lookups++;
      return lookups === 1 ? answers("::1", "127.0.0.1") : answers("10.0.0.1", "169.254.169.254", "fe80::1");
    });
    for (let attempt = 1; attempt <= 3; attempt++) {
      expect(await webhook({ url: `http://rebind.example.com:${portOf(http)}/` })).toEqual(refused);
      expect(await email("rebind.example.com")).toEqual(refused);
    }
    expect(lookups).toBe(6);
    expect(http.connections() + smtp.connections()).toBe(0);
  });

  test("is left out of a name's answers, whichever comes first", async () => {
    for (const order of [answers("10.255.255.1", "127.0.0.1"), answers("127.0.0.1", "10.255.255.1")]) {
      const { webhook, email } = startSenders(loopbackRanges, async () => order);
      expect(await webhook({ url: `http://mixed.example.com:${portOf(http)}/` })).toEqual(delivered);
      expect(await email("mixed.example.com")).toEqual(delivered);
    }
  });
});

describe("what the operator allows", () => {
  test("by address is reached, directly and by name", async () => {
    const { webhook, email } = startSenders(["127.0.0.0/8"], async () => answers("127.0.0.1"));
    for (const host of ["127.0.0.1", "2130706433", "some.example.com"]) {
      expect(await webhook({ url: `http://${host}:${portOf(http)}/` })).toEqual(delivered);
    }
    for (const host of ["127.0.0.1", "mail.example.com"]) expect(await email(host)).toEqual(delivered);
  });

  test("by name is reached by that name alone", async () => {
    const { webhook, email } = startSenders(["hooks.internal"], async () => answers("127.0.0.1"));
    expect(await webhook({ url: `http://hooks.internal:${portOf(http)}/` })).toEqual(delivered);
    expect(await email("hooks.internal")).toEqual(delivered);
    expect(await webhook({ url: `http://other.internal:${portOf(http)}/` })).toEqual(refused);
    expect(await webhook({ url: `http://127.0.0.1:${portOf(http)}/` })).toEqual(refused);
    expect(await email("127.0.0.1")).toEqual(refused);
  });
});

describe("a name", () => {
  test("that does not resolve is tried again", async () => {
    const failing = async () => {
      throw Object.assign(new Error("getaddrinfo ENOTFOUND secret.internal"), { code: "ENOTFOUND" });
    };
    const { webhook, email } = startSenders([], failing);
    const notFound = { kind: "retry", error: "host not found" };
    expect(await webhook({ url: "http://nowhere.example.com/" })).toEqual(notFound);
    expect(await email("nowhere.example.com")).toEqual(notFound);
  });

  test("is looked up once for sends that come together, however long that takes", async () => {
    const looking = Promise.withResolvers<LookupAddress[]>();
    let lookups = 0;
    const { webhook } = startSenders(loopbackRanges, () => {
      lookups++;
      return looking.promise;
    });
    const sends = Array.from({ length: 20 }, () =>
      webhook({ url: `http://slow.example.com:${portOf(http)}/` }),
    );
    looking.resolve(answers("127.0.0.1"));
    for (const outcome of await Promise.all(sends)) expect(outcome).toEqual(delivered);
    expect(lookups).toBe(1);
  });
});

describe("the check when a channel is configured", () => {
  const dns: Record<string, LookupAddress[]> = {
    "public.example.com": answers("8.8.8.8", "2606:4700:4700::1111"),
    "mixed.example.com": answers("10.0.0.1", "8.8.8.8"),
    "inside.example.com": answers("10.0.0.1", "fd00::1"),
    "metadata.example.com": answers("169.254.169.254"),
    "hooks.internal": answers("10.0.0.2"),
  };
  const { check } = createAddressGuard({
    allow: ["hooks.internal", "192.168.1.0/24"],
    resolve: async (host) =>
      dns[host] ?? Promise.reject(Object.assign(new Error("x"), { code: "ENOTFOUND" })),
  });

  test.each([
    "public.example.com",
    "mixed.example.com",
    "not.yet.example.com",
    "hooks.internal",
    "8.8.8.8",
    "[2606:4700:4700::1111]",
    "192.168.1.9",
  ])("accepts %s", async (host) => {
    expect(await check(host)).toBeUndefined();
  });

  test.each([
    "inside.example.com",
    "metadata.example.com",
    "127.0.0.1",
    "[::1]",
    "::1",
    "[::ffff:a00:1]",
    "192.168.2.1",
  ])("refuses %s in words that name the setting", async (host) => {
    expect(await check(host)).toMatch(/private.*JITSUDO_ALLOW_DESTINATIONS/);
  });

  test("accepts a name whose DNS does not answer in time", async () => {
    const never = createAddressGuard({ allow: [], resolve: () => new Promise(() => undefined) });
    expect(await never.check("slow.example.com")).toBeUndefined();
  });
});

describe("a channel's own certificates", () => {
  test("are trusted for that channel and for no other of the same origin", async () => {
    const { ca, ...tls } = makeCertificates();
    const secure = await startHttpSink({ tls });
    closing.push(secure.close);
    const { webhook } = startSenders(loopbackRanges);
    const url = `${secure.url}/hook`;
    const unknown = { kind: "retry", error: "TLS: certificate of an unknown issuer" };
    for (let round = 0; round < 3; round++) {
      expect(await webhook({ url, ca_certificate: ca }, "trusting")).toEqual(delivered);
      expect(await webhook({ url }, "other")).toEqual(unknown);
      expect(await webhook({ url, ca_certificate: makeCertificates().ca }, "third")).toMatchObject({
        kind: "retry",
        error: expect.stringMatching(/^TLS: [a-z -]+$/),
      });
    }
    expect(secure.requests).toHaveLength(3);
    expect(secure.connections()).toBeLessThanOrEqual(1 + 6);
  });

  test("replace the well-known authorities and do not lift the check of the name", async () => {
    const { ca, ...tls } = makeCertificates("DNS:hooks.example.com");
    const secure = await startHttpSink({ tls });
    closing.push(secure.close);
    const { webhook } = startSenders(loopbackRanges, async () => answers("127.0.0.1"));
    const at = (host: string) => ({ url: `https://${host}:${portOf(secure)}/`, ca_certificate: ca });
    expect(await webhook(at("hooks.example.com"))).toEqual(delivered);
    const other = { kind: "retry", error: "TLS: certificate is for another host" };
    expect(await webhook(at("other.example.com"))).toEqual(other);
    expect(await webhook(at("127.0.0.1"))).toEqual(other);
  });

  test("do not lift the check of the address", async () => {
    const { ca } = makeCertificates();
    const { webhook } = startSenders([]);
    expect(await webhook({ url: "https://127.0.0.1:1/", ca_certificate: ca })).toEqual(refused);
  });
});

describe("a failure of TLS", () => {
  test.each([
    ["CERT_HAS_EXPIRED", "TLS: certificate has expired"],
    ["CERT_NOT_YET_VALID", "TLS: certificate not accepted (CERT_NOT_YET_VALID)"],
    ["UNABLE_TO_DECRYPT_CERT_SIGNATURE", "request failed (UNABLE_TO_DECRYPT_CERT_SIGNATURE)"],
    ["INVALID_CA", "TLS: certificate not accepted (INVALID_CA)"],
    ["ERR_SSL_WRONG_VERSION_NUMBER", "TLS: handshake failed"],
  ])("%s is told in a few words, without what the certificate holds", (code, text) => {
    const error = new Error("CN=secret.internal, 10.0.0.1");
    expect(describeFailure(Object.assign(error, { code }))).toBe(text);
  });
});

describe("the setting", () => {
  const database = { DATABASE_URL: "postgres://db/x" };

  test.each([
    ["the embedded database", {}, true],
    ["the embedded database, on IPv6 loopback", { JITSUDO_LISTEN: "[::1]:0" }, true],
    ["the embedded database, on localhost", { JITSUDO_LISTEN: "localhost:0" }, true],
    ["the embedded database, open to others", { JITSUDO_LISTEN: "0.0.0.0:8080" }, false],
    ["the embedded database, on IPv6, open to others", { JITSUDO_LISTEN: "[::]:8080" }, false],
    ["the embedded database, by a name", { JITSUDO_LISTEN: "api.example.com:8080" }, false],
    // Maybe behind a proxy on the same machine.
    ["PostgreSQL, on loopback", { ...database, JITSUDO_LISTEN: "127.0.0.1:0" }, false],
    ["PostgreSQL, open to others", { ...database, JITSUDO_LISTEN: "0.0.0.0:8080" }, false],
  ])("allows loopback by default with %s: %s %s", (_name, env, allowed) => {
    const config = readConfig(env);
    expect(config.allowDestinations).toEqual(allowed ? loopbackRanges : []);
    expect(config.allowLoopback).toBe(allowed);
    for (const text of ["none", "10.0.0.0/8, hooks.internal"]) {
      const explicit = readConfig({ ...env, JITSUDO_ALLOW_DESTINATIONS: text });
      expect(explicit.allowLoopback).toBe(false);
      expect(explicit.allowDestinations).toEqual(text === "none" ? [] : ["10.0.0.0/8", "hooks.internal"]);
    }
  });

  test.each(["*", "10.0.0.0/40", "https://a.example.com", "a,,b", "a b"])("refuses %s", (text) => {
    expect(() => readConfig({ JITSUDO_ALLOW_DESTINATIONS: text })).toThrow(ConfigError);
    expect(() => readConfig({ JITSUDO_ALLOW_DESTINATIONS: text })).toThrow(/CIDRs, addresses or host names/);
  });
});
