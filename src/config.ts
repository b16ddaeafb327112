import { isLoopback, loopbackRanges } from "./channels/address-rules.ts";
import type { EventType } from "./events.ts";
import { type Settings, settings } from "./settings.ts";

/** A setting that does not fit; the message names it and says what is allowed. */
export class ConfigError extends Error {}

/** What callers, such as `apply`, have in their environment: no mistake where the service shares it. */
const callersVariables = ["JITSUDO_API_KEY", "JITSUDO_TENANT_ID"];

export type Config = ReturnType<typeof readConfig>;

/** Reads the environment. Throws a ConfigError that names every variable that is unknown or malformed. */
export function readConfig(env: NodeJS.ProcessEnv) {
  const known = Object.keys(settings.shape);
  const ours = Object.entries(env).filter(([name, value]) => known.includes(name) && value !== "");
  const unknown = Object.keys(env).filter(
    (name) => name.startsWith("JITSUDO_") && !known.includes(name) && !callersVariables.includes(name),
  );
  const parsed = settings.safeParse(Object.fromEntries(ours));
  const problems = [
    ...unknown.map((name) => `${name}: there is no such setting; docs/configuration.md lists all`),
    ...unpaired(env),
    ...(parsed.error?.issues ?? []).map(({ path, message }) => `${path.join(".")}: ${message}`),
  ];
  if (
    parsed.success &&
    parsed.data.JITSUDO_RETENTION_DAYS * 86_400_000 < parsed.data.JITSUDO_DEDUP_WINDOW_MS
  ) {
    problems.push(
      "JITSUDO_RETENTION_DAYS: must be no less than JITSUDO_DEDUP_WINDOW_MS, which looks at what was sent",
    );
  }
  if (!parsed.success || problems.length > 0) throw new ConfigError(problems.join("\n"));
  const { data } = parsed;
  const allowLoopback = data.JITSUDO_ALLOW_DESTINATIONS === undefined && looksLikeTrial(data);
  return {
    databaseUrl: data.DATABASE_URL,
    redisUrl: data.REDIS_URL,
    listen: data.JITSUDO_LISTEN,
    tls: tlsFiles(data),
    dataDir: data.JITSUDO_DATA_DIR,
    role: data.JITSUDO_ROLE,
    encryptionKeys: data.JITSUDO_ENCRYPTION_KEYS,
    logLevel: data.JITSUDO_LOG_LEVEL,
    poolSize: data.JITSUDO_DATABASE_POOL,
    maxBodyBytes: data.JITSUDO_MAX_BODY_BYTES,
    requestTimeoutMs: data.JITSUDO_REQUEST_TIMEOUT_MS,
    rateLimitPerSecond: data.JITSUDO_RATE_LIMIT_PER_SECOND,
    shutdownGraceMs: data.JITSUDO_SHUTDOWN_GRACE_MS,
    maxChannels: data.JITSUDO_CHANNELS_PER_TENANT,
    allowDestinations: data.JITSUDO_ALLOW_DESTINATIONS ?? (allowLoopback ? loopbackRanges : []),
    /** Whether loopback is among them without the operator having said so. */
    allowLoopback,
    snsCredentials: data.JITSUDO_SNS_CREDENTIALS,
    concurrency: data.JITSUDO_CONCURRENCY,
    channelConcurrency: data.JITSUDO_CHANNEL_CONCURRENCY,
    slackPerSecond: data.JITSUDO_SLACK_PER_SECOND,
    attemptTimeoutMs: data.JITSUDO_ATTEMPT_TIMEOUT_MS,
    backoff: {
      baseMs: data.JITSUDO_BACKOFF_BASE_MS,
      maxMs: data.JITSUDO_BACKOFF_MAX_MS,
      retryAfterMaxMs: data.JITSUDO_RETRY_AFTER_MAX_MS,
    },
    breaker: {
      failures: data.JITSUDO_BREAKER_FAILURES,
      openMs: data.JITSUDO_BREAKER_OPEN_MS,
      maxOpenMs: data.JITSUDO_BREAKER_MAX_OPEN_MS,
    },
    autoDisable: {
      failures: data.JITSUDO_AUTO_DISABLE_FAILURES,
      afterMs: data.JITSUDO_AUTO_DISABLE_AFTER_MS,
    },
    leaseMs: data.JITSUDO_LEASE_MS,
    pollMs: data.JITSUDO_POLL_MS,
    dedupWindowMs: data.JITSUDO_DEDUP_WINDOW_MS,
    dedupTimeoutMs: data.JITSUDO_DEDUP_TIMEOUT_MS,
    maxAgeMs: (data.JITSUDO_MAX_AGE_SECONDS ?? {}) as Partial<Record<EventType, number>>,
    retentionMs: data.JITSUDO_RETENTION_DAYS * 86_400_000,
  };
}

/** One process with its own database, which nobody reaches from outside: somebody tries it out. */
function looksLikeTrial({ DATABASE_URL, JITSUDO_LISTEN: { host } }: Settings): boolean {
  return DATABASE_URL === undefined && (host === "localhost" || isLoopback(host));
}

/** What is wrong with the files of TLS taken together. */
function unpaired(env: NodeJS.ProcessEnv): string[] {
  const { JITSUDO_TLS_CERT_FILE: cert, JITSUDO_TLS_KEY_FILE: key, JITSUDO_TLS_CLIENT_CA_FILE: ca } = env;
  return [
    ...(cert && !key ? ["JITSUDO_TLS_KEY_FILE: must be set when JITSUDO_TLS_CERT_FILE is"] : []),
    ...((key || ca) && !cert ? ["JITSUDO_TLS_CERT_FILE: must be set when another file of TLS is"] : []),
  ];
}

function tlsFiles(data: Settings) {
  const { JITSUDO_TLS_CERT_FILE: certFile, JITSUDO_TLS_KEY_FILE: keyFile } = data;
  if (certFile === undefined || keyFile === undefined) return undefined;
  return { certFile, keyFile, clientCaFile: data.JITSUDO_TLS_CLIENT_CA_FILE };
}

/** The configuration as it may be logged: without credentials. */
export function redactConfig(config: Config): Record<string, unknown> {
  const origin = (url: string | undefined) => url && `${new URL(url).protocol}//${new URL(url).host}`;
  return {
    ...config,
    databaseUrl: origin(config.databaseUrl),
    redisUrl: origin(config.redisUrl),
    encryptionKeys: config.encryptionKeys?.length,
  };
}
