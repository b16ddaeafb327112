import { create } from "@bufbuild/protobuf";
import { timestampFromDate } from "@bufbuild/protobuf/wkt";
import {
  type RotateSigningSecretRequest,
  SigningKeySchema,
  type WebhookSigning,
  WebhookSigningSchema,
} from "../../gen/jitsudo/notifications/v1/channel_pb.js";
import { makeSigningSecret, type SigningKeyType, signingKeyOf } from "../channels/signing-key.ts";
import type { ConfigObject } from "../store/channel-secrets.ts";

/** A config whose secrets are settled. */
export interface SignedConfig {
  config: ConfigObject;
  /** A symmetric secret that was made here, to be shown once. */
  newSecret?: string;
}

const defaultOverlapSeconds = 86_400;

/**
 * The config with the secret that it asks to be made. A secret that stays as it is
 * in `current` keeps its predecessor for the rest of the overlap.
 */
export function settleSecrets(
  { generate_signing_secret: asked, ...config }: ConfigObject,
  current: ConfigObject = {},
): SignedConfig {
  if (asked) return withMade(config, asked as SigningKeyType);
  const { signing_secret: secret, previous_signing_secret, previous_signs_until } = current;
  const keeps = previous_signing_secret !== undefined && secret === config.signing_secret;
  return { config: keeps ? { ...config, previous_signing_secret, previous_signs_until } : config };
}

/** The config with a new secret; the old one signs as well until the overlap ends. */
export function rotateSecret(current: ConfigObject, request: RotateSigningSecretRequest): SignedConfig {
  const { previous_signing_secret: _secret, previous_signs_until: _until, ...rest } = current;
  const old = typeof rest.signing_secret === "string" ? rest.signing_secret : "";
  const overlapMs = (request.overlapSeconds ?? defaultOverlapSeconds) * 1000;
  const previous = old &&
    overlapMs > 0 && {
      previous_signing_secret: old,
      previous_signs_until: new Date(Date.now() + overlapMs).toISOString(),
    };
  const type = (request.type || (old && signingKeyOf(old).type) || "symmetric") as SigningKeyType;
  return withMade({ ...rest, ...(previous || {}) }, type);
}

/** What a reader may know about how a channel signs. Undefined when it does not. */
export function signingOf(config: ConfigObject, newSecret?: string): WebhookSigning | undefined {
  const { signing_secret: secret, previous_signing_secret: previous, previous_signs_until } = config;
  if (typeof secret !== "string" || secret === "") return undefined;
  const until = new Date(String(previous_signs_until));
  const overlaps = typeof previous === "string" && until > new Date();
  return create(WebhookSigningSchema, {
    keys: [keyMessage(secret), ...(overlaps ? [keyMessage(previous, until)] : [])],
    ...(newSecret !== undefined && { newSecret }),
  });
}

function withMade(config: ConfigObject, type: SigningKeyType): SignedConfig {
  const secret = makeSigningSecret(type);
  return {
    config: { ...config, signing_secret: secret },
    ...(type === "symmetric" && { newSecret: secret }),
  };
}

function keyMessage(secret: string, signsUntil?: Date) {
  const { type, publicKey } = signingKeyOf(secret);
  return create(SigningKeySchema, {
    type,
    ...(publicKey !== undefined && { publicKey }),
    ...(signsUntil && { signsUntil: timestampFromDate(signsUntil) }),
  });
}
