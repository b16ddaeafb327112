import { createCipheriv, createDecipheriv, createHash, randomBytes } from "node:crypto";

/** Seals small secrets for storage. */
export interface SecretBox {
  /** `context` binds the sealed text to its place: elsewhere it does not open. */
  seal(plain: string, context: string): string;
  /** Throws when the key is unknown, the context is another, or the text was tampered with. */
  open(sealed: string, context: string): string;
  /** The id of the key that sealed a text; empty when the text is not sealed. */
  keyIdOf(sealed: string): string;
  /** The ids of all keys, the sealing one first. */
  keyIds: readonly string[];
}

const prefix = "sealed:v1:";
const algorithm = "aes-256-gcm";
const ivBytes = 12;
const tagBytes = 16;

/**
 * AES-256-GCM. Sealed text is `sealed:v1:<key id>:<base64url of iv, tag, ciphertext>`,
 * the key id being the first 8 hex digits of the key's SHA-256. The first key
 * seals; all of them open, so that keys can be rotated.
 * Throws when there is no key or one is not 32 bytes long.
 */
export function createSecretBox(keys: Buffer[]): SecretBox {
  const byId = new Map(keys.map((key) => [keyId(key), key]));
  const [newest] = keys;
  if (!newest) throw new Error("At least one encryption key is needed");
  for (const key of keys) if (key.length !== 32) throw new Error("An encryption key must be 32 bytes long");
  const newestId = keyId(newest);

  return {
    keyIds: [...byId.keys()],
    keyIdOf,
    seal(plain, context) {
      const iv = randomBytes(ivBytes);
      const cipher = createCipheriv(algorithm, newest, iv, { authTagLength: tagBytes }).setAAD(
        Buffer.from(context),
      );
      const text = Buffer.concat([cipher.update(plain, "utf8"), cipher.final()]);
      return `${prefix}${newestId}:${Buffer.concat([iv, cipher.getAuthTag(), text]).toString("base64url")}`;
    },
    open(sealed, context) {
      const id = keyIdOf(sealed);
      const data = sealed.slice(prefix.length + id.length + 1);
      const key = byId.get(id);
      if (!key) {
        throw new Error(
          `No encryption key with id ${id}; JITSUDO_ENCRYPTION_KEYS must hold every key in use`,
        );
      }
      const bytes = Buffer.from(data, "base64url");
      const decipher = createDecipheriv(algorithm, key, bytes.subarray(0, ivBytes), {
        // Without it a tag of four bytes would do, which can be guessed.
        authTagLength: tagBytes,
      })
        .setAAD(Buffer.from(context))
        .setAuthTag(bytes.subarray(ivBytes, ivBytes + tagBytes));
      return decipher.update(bytes.subarray(ivBytes + tagBytes), undefined, "utf8") + decipher.final("utf8");
    },
  };
}

function keyIdOf(sealed: string): string {
  return sealed.startsWith(prefix) ? (sealed.slice(prefix.length).split(":", 1)[0] ?? "") : "";
}

function keyId(key: Buffer): string {
  return createHash("sha256").update(key).digest("hex").slice(0, 8);
}
