import fc from "fast-check";
import { Webhook } from "standardwebhooks";
import { describe, expect, test } from "vitest";
import { signWebhook } from "../src/channels/webhook-signature.ts";

describe("a webhook signature", () => {
  test("is the one of the Standard Webhooks documentation's example", () => {
    const signature = signWebhook(
      "whsec_MfKQ9r8GKYqrTwjUPD8ILPZIo2LaLaSw",
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
        expect(signWebhook(secret, id, seconds, body)).toBe(expected);
      }),
    );
  });

  test("agrees with the public library for secrets in plain text", () => {
    const secret = fc.string({ unit: "grapheme", minLength: 1 }).filter((text) => !text.startsWith("whsec_"));
    fc.assert(
      fc.property(secret, id, seconds, body, (secret, id, seconds, body) => {
        const library = new Webhook(new TextEncoder().encode(secret), { format: "raw" });
        expect(signWebhook(secret, id, seconds, body)).toBe(library.sign(id, new Date(seconds * 1000), body));
      }),
    );
  });

  test("is accepted by the library's verification, and refused for another body", () => {
    const secret = "a secret in plain text";
    const now = Math.floor(Date.now() / 1000);
    const headers = {
      "webhook-id": "0198c0de-0000-7000-8000-000000000001",
      "webhook-timestamp": String(now),
      "webhook-signature": signWebhook(secret, "0198c0de-0000-7000-8000-000000000001", now, '{"a":1}'),
    };
    const library = new Webhook(secret, { format: "raw" });
    expect(library.verify('{"a":1}', headers)).toEqual({ a: 1 });
    expect(() => library.verify('{"a":2}', headers)).toThrow("No matching signature");
  });
});
