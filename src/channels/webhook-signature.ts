import { createHmac } from "node:crypto";

/**
 * The `webhook-signature` header of Standard Webhooks 1.0
 * (https://github.com/standard-webhooks/standard-webhooks/blob/main/spec/standard-webhooks.md):
 * "v1," and the base64 of HMAC-SHA256 over "id.timestamp.body".
 *
 * `secret`: "whsec_" and the key in base64; of any other text the UTF-8 bytes are
 * the key. `timestampSeconds`: seconds since 1970, as in `webhook-timestamp`.
 */
export function signWebhook(secret: string, id: string, timestampSeconds: number, body: string): string {
  const key = secret.startsWith(prefix) ? Buffer.from(secret.slice(prefix.length), "base64") : secret;
  const mac = createHmac("sha256", key).update(`${id}.${timestampSeconds}.${body}`).digest("base64");
  return `v1,${mac}`;
}

const prefix = "whsec_";
