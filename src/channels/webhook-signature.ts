import { signingKeyOf } from "./signing-key.ts";

/**
 * The `webhook-signature` header of Standard Webhooks 1.0
 * (https://github.com/standard-webhooks/standard-webhooks/blob/main/spec/standard-webhooks.md):
 * for each secret, in this order, a signature over "id.timestamp.body", separated by
 * spaces; a receiver that knows one of the secrets is content.
 *
 * `timestampSeconds`: seconds since 1970, as in `webhook-timestamp`. Throws for a
 * secret that signingProblem objects to.
 */
export function signWebhook(secrets: string[], id: string, timestampSeconds: number, body: string): string {
  const signed = `${id}.${timestampSeconds}.${body}`;
  return secrets.map((secret) => signingKeyOf(secret).sign(signed)).join(" ");
}
