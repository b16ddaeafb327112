import { createHmac, createPublicKey, timingSafeEqual, verify } from "node:crypto";

/** Checks one entry of `webhook-signature`, for example "v1,K5oZ…". */
export type VerifyingKey = (signature: string, signed: Buffer) => boolean;

/**
 * The key that a receiver was given: "whsec_" and base64, "whpk_" and the base64 of an
 * Ed25519 public key, or, as the API allows it, any other text, whose UTF-8 bytes are the
 * key. Throws a TypeError for a secret that cannot be one.
 */
export function verifyingKeyOf(secret: string): VerifyingKey {
  // From the environment it may be missing, whatever the type says.
  if (typeof secret !== "string") throw new TypeError("The webhook secret is missing: it must be a text");
  if (secret === "") throw new TypeError("The webhook secret is empty");
  if (secret.startsWith("whsk_")) {
    throw new TypeError("whsk_ is the private key, which signs; the receiver has the public one (whpk_)");
  }
  if (secret.startsWith("whpk_")) return ed25519Key(bytesOf(secret, 32, 32));
  return hmacKey(secret.startsWith("whsec_") ? bytesOf(secret, 24, 64) : Buffer.from(secret));
}

function hmacKey(key: Buffer): VerifyingKey {
  return (signature, signed) => {
    const expected = createHmac("sha256", key).update(signed).digest();
    const given = signatureBytes("v1,", signature);
    return given?.length === expected.length && timingSafeEqual(given, expected);
  };
}

/** SubjectPublicKeyInfo of an Ed25519 key up to the 32 bytes of the key itself (RFC 8410, 4). */
const spkiHead = Buffer.from("302a300506032b6570032100", "hex");

function ed25519Key(bytes: Buffer): VerifyingKey {
  const key = createPublicKey({ key: Buffer.concat([spkiHead, bytes]), format: "der", type: "spki" });
  return (signature, signed) => {
    const given = signatureBytes("v1a,", signature);
    return given?.length === 64 && verify(null, signed, key, given);
  };
}

/** Undefined when the signature is of another version. */
function signatureBytes(version: string, signature: string): Buffer | undefined {
  return signature.startsWith(version) ? Buffer.from(signature.slice(version.length), "base64") : undefined;
}

function bytesOf(secret: string, min: number, max: number): Buffer {
  const text = secret.slice(secret.indexOf("_") + 1);
  const bytes = Buffer.from(text, "base64");
  const isBase64 = bytes.toString("base64").replace(/=+$/, "") === text.replace(/=+$/, "");
  if (isBase64 && bytes.length >= min && bytes.length <= max) return bytes;
  const size = min === max ? `${min}` : `${min} to ${max}`;
  throw new TypeError(
    `After ${secret.slice(0, secret.indexOf("_") + 1)} must come the base64 of ${size} bytes`,
  );
}
