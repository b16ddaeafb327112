import {
  createHmac,
  createPrivateKey,
  createPublicKey,
  generateKeyPairSync,
  type KeyObject,
  randomBytes,
  sign,
} from "node:crypto";

/** How a key signs, by the names that the API uses: HMAC-SHA256 or Ed25519. */
export type SigningKeyType = "symmetric" | "ed25519";

/** A secret of Standard Webhooks, understood. */
export interface SigningKey {
  type: SigningKeyType;
  /** What a receiver verifies with: "whpk_" and the key in base64. Only of "ed25519". */
  publicKey?: string;
  /** The signature as it stands in `webhook-signature`: "v1," or "v1a," and base64. */
  sign(text: string): string;
}

/*
 * Secrets as Standard Webhooks 1.0 writes them ("Signature scheme"): "whsec_" and
 * base64 for a symmetric one, "whsk_" and base64 for a private one. What stands in the
 * latter is not said there; both forms in use are read: the 32 bytes of RFC 8032, and
 * these followed by the public key.
 */
const prefixes = { symmetric: "whsec_", private: "whsk_", public: "whpk_" };

/** A new secret: 32 random bytes, or a new key pair. */
export function makeSigningSecret(type: SigningKeyType): string {
  if (type === "symmetric") return prefixes.symmetric + randomBytes(32).toString("base64");
  const { d = "" } = generateKeyPairSync("ed25519").privateKey.export({ format: "jwk" });
  return prefixes.private + Buffer.from(d, "base64url").toString("base64");
}

/** What is wrong with a secret, in words for who gave it; undefined: nothing. */
export function signingProblem(secret: string): string | undefined {
  if (secret.startsWith(prefixes.public)) return "is a public key (whpk_); the private one (whsk_) signs";
  if (secret.startsWith(prefixes.symmetric)) {
    const key = bytesAfter(prefixes.symmetric, secret);
    return key && key.length >= 24 && key.length <= 64
      ? undefined
      : "after whsec_ must come the base64 of 24 to 64 bytes";
  }
  if (!secret.startsWith(prefixes.private)) return undefined;
  const bytes = bytesAfter(prefixes.private, secret);
  const [seed, publicHalf] = [bytes?.subarray(0, 32), bytes?.subarray(32)];
  if (!seed || !publicHalf || seed.length < 32 || (publicHalf.length > 0 && publicHalf.length !== 32)) {
    return "after whsk_ must come the base64 of an Ed25519 private key: 32 bytes, or 64 with the public key";
  }
  return publicHalf.length === 0 || publicHalf.equals(publicBytesOf(privateKeyOf(seed)))
    ? undefined
    : "the public half of the whsk_ key belongs to another private key";
}

/** The key that a secret stands for. Throws for one that signingProblem objects to. */
export function signingKeyOf(secret: string): SigningKey {
  const problem = signingProblem(secret);
  if (problem) throw new Error(`The signing secret cannot be used: ${problem}`);
  if (secret.startsWith(prefixes.private)) {
    const key = privateKeyOf(Buffer.from(secret.slice(prefixes.private.length), "base64").subarray(0, 32));
    return {
      type: "ed25519",
      publicKey: prefixes.public + publicBytesOf(key).toString("base64"),
      sign: (text) => `v1a,${sign(null, Buffer.from(text), key).toString("base64")}`,
    };
  }
  // Of a secret in plain text the UTF-8 bytes are the key.
  const key = bytesAfter(prefixes.symmetric, secret) ?? Buffer.from(secret);
  return {
    type: "symmetric",
    sign: (text) => `v1,${createHmac("sha256", key).update(text).digest("base64")}`,
  };
}

/** Undefined when the prefix is another, or what follows is not base64. */
function bytesAfter(prefix: string, secret: string): Buffer | undefined {
  if (!secret.startsWith(prefix)) return undefined;
  const text = secret.slice(prefix.length).replace(/=+$/, "");
  const bytes = Buffer.from(text, "base64");
  return bytes.toString("base64").replace(/=+$/, "") === text ? bytes : undefined;
}

/** PKCS #8 of an Ed25519 key up to the 32 bytes of the key itself (RFC 8410, 7). */
const pkcs8Head = Buffer.from("302e020100300506032b657004220420", "hex");

function privateKeyOf(seed: Buffer): KeyObject {
  return createPrivateKey({ key: Buffer.concat([pkcs8Head, seed]), format: "der", type: "pkcs8" });
}

function publicBytesOf(privateKey: KeyObject): Buffer {
  const { x = "" } = createPublicKey(privateKey).export({ format: "jwk" });
  return Buffer.from(x, "base64url");
}
