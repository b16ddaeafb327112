import fc from "fast-check";
import { Webhook } from "standardwebhooks";
import { describe, expect, test } from "vitest";
import { webhookRequest } from "../src/channels/generic-webhook.ts";
import { makeSigningSecret, signingKeyOf } from "../src/channels/signing-key.ts";
import { type ReceivedWebhook, verifyWebhook, WebhookError } from "../src/webhooks/verify-webhook.ts";
import { full, hostileEvent, noticeOf } from "./support/notices.ts";

const now = 1_770_000_000_000;
const symmetric = makeSigningSecret("symmetric");
const ed25519 = makeSigningSecret("ed25519");
const { publicKey = "" } = signingKeyOf(ed25519);

type Config = Parameters<typeof webhookRequest>[0];

/** What the service posts for an event, as a receiver has it. */
function received(config: Partial<Config> = {}, event = noticeOf({ ...full, type: "grant.active" })) {
  const url = "https://example.com/hook";
  const { headers: pairs, body } = webhookRequest({ url, signing_secret: symmetric, ...config }, event, now);
  const headers = Object.fromEntries(
    Array.from({ length: pairs.length / 2 }, (_, n) => [pairs[2 * n] ?? "", pairs[2 * n + 1] ?? ""]),
  );
  return { body, headers, secret: symmetric as ReceivedWebhook["secret"], now: () => now };
}

function problemOf(webhook: ReceivedWebhook): string {
  try {
    verifyWebhook(webhook);
    return "none";
  } catch (error) {
    if (error instanceof WebhookError) return error.problem;
    throw error;
  }
}

describe("a notice that the service signed", () => {
  test.each(["standard", "cloudevents_structured", "cloudevents_binary"] as const)(
    "is returned, sent as %s, whatever the event holds",
    (format) => {
      fc.assert(
        fc.property(hostileEvent, (event) => {
          const notice = noticeOf(event);
          const { type, occurred_at: _, ...data } = JSON.parse(JSON.stringify(event));
          expect(verifyWebhook(received({ format }, notice))).toMatchObject({
            type,
            id: notice.eventId,
            delivery_id: notice.deliveryId,
            data,
          });
        }),
        { numRuns: 50 },
      );
    },
  );

  test("is accepted with its headers and its body in every form that frameworks have", () => {
    const { body, headers, ...rest } = received();
    const upperCase = Object.fromEntries(
      Object.entries(headers).map(([name, value]) => [name.toUpperCase(), value]),
    );
    const lists = Object.fromEntries(Object.entries(headers).map(([name, value]) => [name, [value]]));
    for (const form of [headers, upperCase, lists, new Headers(headers)]) {
      for (const bytes of [body, Buffer.from(body), new TextEncoder().encode(body)]) {
        expect(verifyWebhook({ ...rest, headers: form, body: bytes })).toMatchObject({
          type: "grant.active",
        });
      }
    }
  });

  test("is accepted with the public key, and with either secret while one replaces the other", () => {
    const previous_signs_until = new Date(now + 1000).toISOString();
    const both = { signing_secret: ed25519, previous_signing_secret: symmetric, previous_signs_until };
    for (const secret of [publicKey, symmetric, [makeSigningSecret("symmetric"), publicKey]]) {
      expect(problemOf({ ...received(both), secret })).toBe("none");
    }
    expect(problemOf({ ...received({ signing_secret: ed25519 }), secret: symmetric })).toBe(
      "signature_mismatch",
    );
    expect(problemOf({ ...received(), secret: publicKey })).toBe("signature_mismatch");
    const plain = "a secret in plain text";
    expect(problemOf({ ...received({ signing_secret: plain }), secret: plain })).toBe("none");
  });
});

describe("a request", () => {
  test("that the public library signed is accepted, and what is accepted here is accepted there", () => {
    fc.assert(
      fc.property(fc.uint8Array({ minLength: 24, maxLength: 64 }), (bytes) => {
        const secret = `whsec_${Buffer.from(bytes).toString("base64")}`;
        const { body, headers } = received();
        const signature = new Webhook(secret).sign(headers["webhook-id"] ?? "", new Date(now), body);
        expect(
          problemOf({
            body,
            headers: { ...headers, "webhook-signature": signature },
            secret,
            now: () => now,
          }),
        ).toBe("none");
      }),
    );
    const fresh = received();
    const seconds = Math.floor(Date.now() / 1000);
    const signature = new Webhook(symmetric).sign("id", new Date(seconds * 1000), fresh.body);
    const headers = { "webhook-id": "id", "webhook-timestamp": `${seconds}`, "webhook-signature": signature };
    expect(new Webhook(symmetric).verify(fresh.body, headers)).toEqual(
      verifyWebhook({ body: fresh.body, headers, secret: symmetric }),
    );
  });

  test.each([
    ["symmetric", symmetric, symmetric],
    ["ed25519", ed25519, publicKey],
  ])("with any byte changed is refused (%s)", (_, signing_secret, secret) => {
    const genuine = { ...received({ signing_secret }), secret };
    const bytes = Buffer.from(genuine.body);
    fc.assert(
      fc.property(fc.nat(bytes.length - 1), fc.integer({ min: 1, max: 255 }), (at, change) => {
        const body = Buffer.from(bytes);
        body[at] = (body[at] ?? 0) ^ change;
        expect(problemOf({ ...genuine, body })).toBe("signature_mismatch");
      }),
    );
    for (const name of ["webhook-id", "webhook-timestamp"]) {
      const headers = { ...genuine.headers, [name]: `${Number(genuine.headers["webhook-timestamp"]) + 1}` };
      expect(problemOf({ ...genuine, headers })).toBe("signature_mismatch");
    }
  });

  test("with any text for a signature is refused", () => {
    const genuine = received();
    const text = fc.oneof(
      fc.string(),
      fc.string().map((rest) => `v1,${rest}`),
      fc.string().map((rest) => `v1a,${rest}`),
    );
    fc.assert(
      fc.property(text, (signature) => {
        const headers = { ...genuine.headers, "webhook-signature": signature };
        for (const secret of [symmetric, publicKey]) {
          expect(problemOf({ ...genuine, headers, secret })).toBe(
            signature ? "signature_mismatch" : "missing_header",
          );
        }
      }),
    );
  });

  test("has one good signature among others of any kind", () => {
    const genuine = received();
    const good = genuine.headers["webhook-signature"];
    const headers = { ...genuine.headers, "webhook-signature": `v9,abc v1,AAAA v1a,BBBB ${good} junk` };
    expect(problemOf({ ...genuine, headers })).toBe("none");
    // A signature counts for its own version alone.
    const renamed = { ...genuine.headers, "webhook-signature": good?.replace("v1,", "v1a,") };
    expect(problemOf({ ...genuine, headers: renamed })).toBe("signature_mismatch");
  });

  test.each([
    [300_000, "none"],
    [301_000, "timestamp_too_old"],
    [-300_000, "none"],
    [-301_000, "timestamp_too_new"],
  ])("that comes %i ms after its timestamp: %s", (age, problem) => {
    expect(problemOf({ ...received(), now: () => now + age })).toBe(problem);
    expect(problemOf({ ...received(), now: () => now + age, toleranceMs: 302_000 })).toBe("none");
  });

  test.each(["webhook-id", "webhook-timestamp", "webhook-signature"])("without one %s is refused", (name) => {
    const genuine = received();
    for (const value of [undefined, "", ["a", "b"], []]) {
      expect(problemOf({ ...genuine, headers: { ...genuine.headers, [name]: value } })).toBe(
        "missing_header",
      );
    }
  });

  test.each(["now", "-1", "1e9", "1.5", " 1", "0x10", "9".repeat(40)])(
    "with the timestamp %j is refused",
    (timestamp) => {
      const genuine = received();
      const headers = { ...genuine.headers, "webhook-timestamp": timestamp };
      expect(problemOf({ ...genuine, headers })).toBe("malformed_timestamp");
    },
  );

  test.each(["", "null", "[]", "{", '{"type":"grant.active"}', '{"specversion":"1.0","data":null}'])(
    "that is signed but holds %j is no notice",
    (body) => {
      const { headers, secret } = received();
      const signature = new Webhook(symmetric).sign(headers["webhook-id"] ?? "", new Date(now), body);
      const signed = { ...headers, "webhook-signature": signature };
      expect(problemOf({ body, headers: signed, secret, now: () => now })).toBe("unknown_payload");
    },
  );
});

test.each(["", "whsec_", "whsec_AAAA", "whsec_!", "whpk_AAAA", ed25519])(
  "the secret %j is a mistake of the receiver's",
  (secret) => {
    expect(() => verifyWebhook({ ...received(), secret })).toThrow(TypeError);
    expect(() => verifyWebhook({ ...received(), secret: [] })).toThrow(TypeError);
  },
);

test("a parsed body, a secret that is not set and a tolerance that is no number are told in plain words", () => {
  const genuine = received();
  const verify = (wrong: object) => () => verifyWebhook({ ...genuine, ...wrong });
  for (const body of [JSON.parse(genuine.body), undefined, null, new ArrayBuffer(3)]) {
    expect(verify({ body })).toThrow(/^The webhook body must be the text or the bytes as they came/);
  }
  for (const secret of [undefined, null, [symmetric, undefined]]) {
    expect(verify({ secret })).toThrow(new TypeError("The webhook secret is missing: it must be a text"));
  }
  for (const toleranceMs of [Number.NaN, -1, "300000"]) {
    expect(verify({ toleranceMs })).toThrow(
      new TypeError(`toleranceMs must be a number of milliseconds from 0 on, not ${toleranceMs}`),
    );
  }
  expect(problemOf({ ...genuine, toleranceMs: Infinity })).toBe("none");
});
