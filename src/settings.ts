import { z } from "zod";
import { longestTimerMs } from "./async/abortable-sleep.ts";
import { isDestination } from "./channels/address-rules.ts";
import { snsCredentials } from "./channels/sns-credentials.ts";
import { type EventType, eventTypes } from "./events.ts";

const count = (defaultCount: number, min: number, max: number) => {
  const error = `must be a whole number from ${min} to ${max}`;
  return z.coerce
    .number({ error })
    .int({ error })
    .min(min, { error })
    .max(max, { error })
    .default(defaultCount);
};

const milliseconds = (defaultMs: number, min = 1) => count(defaultMs, min, longestTimerMs);

const oneOf = <const Value extends string>(...values: Value[]) =>
  z.enum(values, { error: `must be one of ${values.join(", ")}` });

const hostAndPort = z
  .string()
  .regex(/^(\[[0-9a-fA-F:]+\]|[^:\s]+):\d{1,5}$/, "must be <host>:<port>, for example 127.0.0.1:8080")
  .transform((value) => {
    const colon = value.lastIndexOf(":");
    return { host: value.slice(0, colon).replace(/^\[|\]$/g, ""), port: Number(value.slice(colon + 1)) };
  })
  .refine(({ port }) => port <= 65_535, "the port must be at most 65535");

const encryptionKeys = z
  .string()
  .transform((value) => value.split(",").map((key) => Buffer.from(key.trim(), "base64")))
  .refine(
    (keys) => keys.every(({ length }) => length === 32),
    "must be base64 of 32 bytes, several separated by commas",
  );

const destinations = z
  .string()
  .transform((value) => (value === "none" ? [] : value.split(",").map((entry) => entry.trim())))
  .refine(
    (entries) => entries.every(isDestination),
    "must be CIDRs, addresses or host names, separated by commas, or none",
  );

const maxAgesForm = `must be <event type>=<whole seconds>, several separated by commas; types: ${eventTypes.join(", ")}`;

const maxAges = z
  .string()
  .transform((value) => Object.fromEntries(value.split(",").map((part) => part.trim().split("="))))
  .refine(
    (ages) =>
      Object.entries(ages).every(
        ([type, seconds]) => eventTypes.includes(type as EventType) && /^[1-9]\d{0,8}$/.test(String(seconds)),
      ),
    maxAgesForm,
  )
  .transform((seconds) =>
    Object.fromEntries(Object.entries(seconds).map(([type, value]) => [type, Number(value) * 1000])),
  );

const retentionForm = "must be a number of days, more than 0 and at most 3650";

/** Every setting: its name in the environment, what is allowed, its default and its meaning. */
export const settings = z.object({
  DATABASE_URL: z
    .string()
    .regex(/^postgres(ql)?:\/\//, "must be a postgres:// URL")
    .optional()
    .describe("PostgreSQL 15 or newer. Unset: the embedded database, in the data folder."),
  REDIS_URL: z
    .string()
    .regex(/^rediss?:\/\//, "must be a redis:// or rediss:// URL")
    .optional()
    .describe("Redis 6 or newer, for dedup keys. Unset: they live in the database."),
  JITSUDO_LISTEN: hostAndPort
    .prefault("127.0.0.1:8080")
    .describe("Address of the API. Port 0 takes a free one."),
  JITSUDO_TLS_CERT_FILE: z
    .string()
    .optional()
    .describe("Certificate for the API in PEM, with those between it and its authority. Unset: no TLS."),
  JITSUDO_TLS_KEY_FILE: z
    .string()
    .optional()
    .describe("Its key in PEM. Both are read again when they change, and at SIGHUP."),
  JITSUDO_TLS_CLIENT_CA_FILE: z
    .string()
    .optional()
    .describe(
      "Authorities in PEM: callers must have a certificate of one of them. Unset: none is asked for.",
    ),
  JITSUDO_DATA_DIR: z
    .string()
    .min(1)
    .default("./data")
    .describe(
      "Folder of the embedded database, the first credentials and the encryption key that is made when none is set.",
    ),
  JITSUDO_ROLE: oneOf("all", "api", "worker")
    .default("all")
    .describe("What the process does: answer calls, deliver, or both."),
  JITSUDO_ENCRYPTION_KEYS: encryptionKeys
    .optional()
    .describe(
      "Keys for secrets at rest, 32 bytes in base64, separated by commas. The first encrypts, all decrypt. Unset: one is made and kept in the data folder.",
    ),
  JITSUDO_LOG_LEVEL: oneOf("debug", "info", "warn", "error", "silent")
    .default("info")
    .describe("Least level that is logged."),
  JITSUDO_DATABASE_POOL: count(10, 2, 200).describe("Connections to PostgreSQL."),
  JITSUDO_MAX_BODY_BYTES: count(4_194_304, 1_024, 67_108_864).describe("Largest request body, in bytes."),
  JITSUDO_REQUEST_TIMEOUT_MS: milliseconds(15_000).describe("Longest time that a unary call may take."),
  JITSUDO_RATE_LIMIT_PER_SECOND: count(5_000, 0, 1_000_000).describe(
    "Calls a second of one API key that has no limit of its own, twice as many at once; shared through Redis where there is one. 0: no limit.",
  ),
  JITSUDO_SHUTDOWN_GRACE_MS: milliseconds(10_000, 0).describe(
    "How long a stop waits for calls and sends under way.",
  ),
  JITSUDO_CHANNELS_PER_TENANT: count(100, 1, 100_000).describe(
    "Channels that a tenant may have. An event is as many deliveries as there are channels that want it, all stored at once.",
  ),
  JITSUDO_ALLOW_DESTINATIONS: destinations
    .optional()
    .describe(
      "Where channels may point beside public addresses: CIDRs, addresses and host names, separated by commas, or none. Unset: loopback, where the embedded database is used and the API listens on loopback alone; else none.",
    ),
  JITSUDO_SNS_CREDENTIALS: oneOf(...snsCredentials)
    .default("own")
    .describe(
      "What SNS channels publish with. own: the service's own AWS credentials, or the role that a channel names. tenant_role: that role alone, assumed with the tenant's id as external id: where tenants do not trust each other.",
    ),
  JITSUDO_CONCURRENCY: count(256, 1, 10_000).describe(
    "Sends under way at the same time in one process; one tenant gets three quarters of them at the most. A quarter as many come on top for break-glass.",
  ),
  JITSUDO_CHANNEL_CONCURRENCY: count(32, 1, 1_000).describe(
    "Sends under way at the same time on one channel in one process.",
  ),
  JITSUDO_SLACK_PER_SECOND: count(1, 1, 1_000).describe(
    "Messages a second on one Slack channel in one process.",
  ),
  JITSUDO_ATTEMPT_TIMEOUT_MS: milliseconds(10_000, 100).describe("Longest time that one attempt may take."),
  JITSUDO_BACKOFF_BASE_MS: milliseconds(1_000).describe(
    "Wait before the second attempt; four times as long before the third; with jitter.",
  ),
  JITSUDO_BACKOFF_MAX_MS: milliseconds(60_000).describe(
    "Longest wait between two attempts, Retry-After aside.",
  ),
  JITSUDO_RETRY_AFTER_MAX_MS: milliseconds(300_000).describe("Longest Retry-After that is honoured."),
  JITSUDO_BREAKER_FAILURES: count(20, 3, 10_000).describe(
    "Failed attempts in a row after which a channel's deliveries are held back.",
  ),
  JITSUDO_BREAKER_OPEN_MS: milliseconds(5_000).describe(
    "For how long at first; it doubles as failures go on.",
  ),
  JITSUDO_BREAKER_MAX_OPEN_MS: milliseconds(60_000).describe("For how long at the most."),
  JITSUDO_AUTO_DISABLE_FAILURES: count(100, 0, 1_000_000).describe(
    "Failed attempts in a row after which a channel is disabled. 0: never.",
  ),
  JITSUDO_AUTO_DISABLE_AFTER_MS: milliseconds(86_400_000, 0).describe(
    "For how long at least every attempt must have failed before that.",
  ),
  JITSUDO_LEASE_MS: milliseconds(30_000, 1_000).describe(
    "Time after which a lost worker's deliveries are taken over, at the most a poll later.",
  ),
  JITSUDO_POLL_MS: milliseconds(1_000, 10).describe(
    "How often a worker looks for work when nobody wakes it.",
  ),
  JITSUDO_DEDUP_WINDOW_MS: milliseconds(7_200_000, 100).describe("How long an equal notice is suppressed."),
  JITSUDO_DEDUP_TIMEOUT_MS: milliseconds(250).describe(
    "How long a send waits for Redis before it goes out unchecked.",
  ),
  JITSUDO_MAX_AGE_SECONDS: maxAges
    .optional()
    .describe(
      "When a waiting notice becomes useless, by event type: request.pending=86400,grant.active=3600. Unset: never, but grant.expiring_soon at its expires_at.",
    ),
  JITSUDO_RETENTION_DAYS: z.coerce
    .number({ error: retentionForm })
    .positive({ error: retentionForm })
    .max(3_650, { error: retentionForm })
    .default(90)
    .describe("Age at which finished deliveries and events are removed."),
});

export type Settings = z.infer<typeof settings>;

/** Every setting as JSON Schema, as it is written in the environment: what docs/configuration.md is made of. */
export const settingsSchema = () => z.toJSONSchema(settings, { io: "input", unrepresentable: "any" });
