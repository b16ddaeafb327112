import fc from "fast-check";
import { Webhook } from "standardwebhooks";
import { describe, expect, test } from "vitest";
import { makeSigningSecret, signingKeyOf, signingProblem } from "../src/channels/signing-key.ts";
import { signWebhook } from "../src/channels/webhook-signature.ts";
import { verifyEd25519 } from "./support/ed25519.ts";

describe("a webhook signature", () => {
  test("is the one of the Standard Webhooks documentation's example", () => {
    const signature = signWebhook(
      ["whsec_MfKQ9r8GKYqrTwjUPD8ILPZIo2LaLaSw"],
      "msg_p5jXN8AQM9LWM0D4loKWxJek",
      1614265330,
      '{"test": 2432232314}',
    );
    expect(signature).toBe("v1,g0hM9SsE+OTPJTGt/tmIKtSyZlE3uFJELVlNIOLJ1OE=");
  });

  const id = fc.uuid();
  const seconds = fc.integer({ min: 0, max: 4_000_000_000 });
  const body = fc.json();

  test("agrees with the public library for keys in base64", () => {
    const key = fc.uint8Array({ minLength: 24, maxLength: 64 });
    fc.assert(
      fc.property(key, id, seconds, body, (key, id, seconds, body) => {
        const secret = `whsec_${Buffer.from(key).toString("base64")}`;
        const expected = new Webhook(secret).sign(id, new Date(seconds * 1000), body);
        expect(signWebhook([secret], id, seconds, body)).toBe(expected);
      }),
    );
  });

  test("agrees with the public library for secrets in plain text", () => {
    const secret = fc
      .string({ unit: "grapheme", minLength: 1 })
      .filter((text) => !/^wh(sec|sk|pk)_/.test(text));
    fc.assert(
      fc.property(secret, id, seconds, body, (secret, id, seconds, body) => {
        const library = new Webhook(new TextEncoder().encode(secret), { format: "raw" });
        expect(signWebhook([secret], id, seconds, body)).toBe(
          library.sign(id, new Date(seconds * 1000), body),
        );
      }),
    );
  });

  test("is accepted by the library's verification, and refused for another body", () => {
    const secret = "a secret in plain text";
    const now = Math.floor(Date.now() / 1000);
    const headers = {
      "webhook-id": "0198c0de-0000-7000-8000-000000000001",
      "webhook-timestamp": String(now),
      "webhook-signature": signWebhook([secret], "0198c0de-0000-7000-8000-000000000001", now, '{"a":1}'),
    };
    const library = new Webhook(secret, { format: "raw" });
    expect(library.verify('{"a":1}', headers)).toEqual({ a: 1 });
    expect(() => library.verify('{"a":2}', headers)).toThrow("No matching signature");
  });

  test("of an Ed25519 key is verified with its public key alone, whichever form the private one has", () => {
    fc.assert(
      fc.property(
        fc.uint8Array({ minLength: 32, maxLength: 32 }),
        id,
        seconds,
        body,
        (seed, id, seconds, body) => {
          const short = `whsk_${Buffer.from(seed).toString("base64")}`;
          const { publicKey = "" } = signingKeyOf(short);
          const publicBytes = Buffer.from(publicKey.replace("whpk_", ""), "base64");
          const long = `whsk_${Buffer.concat([seed, publicBytes]).toString("base64")}`;
          const signature = signWebhook([short], id, seconds, body);
          expect(signWebhook([long], id, seconds, body)).toBe(signature);
          expect(verifyEd25519(publicKey, signature, `${id}.${seconds}.${body}`)).toBe(true);
          expect(verifyEd25519(publicKey, signature, `${id}.${seconds}.${body} `)).toBe(false);
        },
      ),
    );
  });

  // RFC 8032, 7.1, test 1.
  test("has the public key of the RFC's own example", () => {
    const seed = "9d61b19deffd5a60ba844af492ec2cc44449c5697b326919703bac031cae7f60";
    const publicHex = "d75a980182b10ab7d54bfed3c964073a0ee172f3daa62325af021a68f707511a";
    const { publicKey } = signingKeyOf(`whsk_${Buffer.from(seed, "hex").toString("base64")}`);
    expect(publicKey).toBe(`whpk_${Buffer.from(publicHex, "hex").toString("base64")}`);
  });

  test("of several secrets holds one for each, in their order", () => {
    const secrets = [makeSigningSecret("ed25519"), makeSigningSecret("symmetric")];
    const [first = "", second, ...more] = signWebhook(secrets, "id", 7, "{}").split(" ");
    expect(verifyEd25519(signingKeyOf(secrets[0] ?? "").publicKey ?? "", first, "id.7.{}")).toBe(true);
    expect(second).toBe(new Webhook(secrets[1] ?? "").sign("id", new Date(7000), "{}"));
    expect(more).toEqual([]);
  });
});

describe("a signing secret", () => {
  const base64 = (bytes: number) => Buffer.alloc(bytes, 7).toString("base64");

  test.each([
    "a",
    "any text",
    `whsec_${base64(24)}`,
    `whsec_${base64(64)}`,
    `whsec_${base64(25).replace(/=+$/, "")}`,
    `whsk_${base64(32)}`,
  ])("%s can be used", (secret) => {
    expect(signingProblem(secret)).toBeUndefined();
  });

  test.each([
    [`whpk_${base64(32)}`, /public key/],
    [`whsec_${base64(23)}`, /24 to 64 bytes/],
    [`whsec_${base64(65)}`, /24 to 64 bytes/],
    ["whsec_", /24 to 64 bytes/],
    [`whsec_${base64(24)}!`, /24 to 64 bytes/],
    [`whsk_${base64(31)}`, /32 bytes/],
    [`whsk_${base64(33)}`, /32 bytes/],
    ["whsk_", /32 bytes/],
    // The public half is no public key of the first.
    [`whsk_${base64(64)}`, /another private key/],
  ])("%s cannot", (secret, problem) => {
    expect(signingProblem(secret)).toMatch(problem);
    expect(() => signingKeyOf(secret)).toThrow(problem);
  });
});
