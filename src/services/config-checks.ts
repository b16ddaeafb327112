import { X509Certificate } from "node:crypto";
import type { ChannelType } from "../channels/channel.ts";
import { signingProblem } from "../channels/signing-key.ts";
import { isTimeZone } from "../channels/time-text.ts";
import { type ConfigObject, keptSecrets, maskedSecrets } from "../store/channel-secrets.ts";
import { type FieldViolation, refuse } from "./errors.ts";

/**
 * What is wrong with a host as a destination, in words; undefined: nothing, as far
 * as is known now.
 */
export type CheckDestination = (host: string) => Promise<string | undefined>;

/** What the rules in the proto cannot say about a config's fields. */
export function configViolations(config: ConfigObject): FieldViolation[] {
  return violationsOf([
    ["signing_secret", problemOf(config.signing_secret, signingProblem)],
    ["ca_certificate", problemOf(config.ca_certificate, certificateProblem)],
    ["time_zone", problemOf(config.time_zone, timeZoneProblem)],
  ]);
}

/** A mask where there is no secret that it could stand for; it would be used as the secret. */
export function maskViolations(type: ChannelType, config: ConfigObject): FieldViolation[] {
  const message = "is a mask, and there is no secret that it stands for: give the secret itself";
  return maskedSecrets(type, config).map((path) => ({ field: fieldOf(path), message }));
}

/**
 * Secrets that a change would keep by their masks and send to another server than the one
 * they were given for: who may change channels need not be able to read them.
 */
export function movedSecrets(
  type: ChannelType,
  asked: ConfigObject,
  current: ConfigObject,
): FieldViolation[] {
  if (destinationOf(asked) === destinationOf(current)) return [];
  const message = "must be given again, not as a mask, since the channel's destination is another one";
  return keptSecrets(type, asked, current)
    .filter((path) => path === "smtp_password" || path.startsWith("headers/"))
    .map((path) => ({ field: fieldOf(path), message }));
}

/** What keeps an SNS channel from publishing with a role that is its tenant's. `path`: what stands before the fields' names. */
export function tenantRoleViolations(
  { role_arn, external_id }: ConfigObject,
  tenantId: string,
  path: string,
): FieldViolation[] {
  const isOther = Boolean(external_id) && external_id !== tenantId;
  return violationsOf([
    [
      `${path}role_arn`,
      role_arn
        ? undefined
        : "must be named: the operator lets no channel publish without a role of its tenant",
    ],
    [
      `${path}external_id`,
      isOther ? `must be absent or the tenant's id, ${tenantId}, which is sent with every role` : undefined,
    ],
  ]);
}

/** Where a config's secrets are sent to, and whether in the open. A masked URL still tells its origin. */
function destinationOf({ url, smtp_host, smtp_port, tls }: ConfigObject): string {
  const origin = typeof url === "string" ? URL.parse(url)?.origin : undefined;
  return JSON.stringify([origin, smtp_host, smtp_port, tls || null]);
}

/** "headers/X-Token" as errors name it: headers["X-Token"]. */
function fieldOf(path: string): string {
  const [field = "", ...key] = path.split("/");
  return key.length === 0 ? field : `${field}[${JSON.stringify(key.join("/"))}]`;
}

/**
 * Refuses a config that points to where channels must not send, early and in words;
 * what counts is checked at every send. Secrets may be masked: a mask leaves the
 * host readable. Throws invalid_argument. `path`: what stands before the fields' names.
 */
export async function assertDestinations(
  config: ConfigObject,
  checkDestination: CheckDestination,
  path = "",
): Promise<void> {
  const hosts = [
    ["webhook_url", hostOf(config.webhook_url)],
    ["url", hostOf(config.url)],
    ["smtp_host", typeof config.smtp_host === "string" ? config.smtp_host : undefined],
  ] as const;
  const checked = await Promise.all(
    hosts.map(
      async ([field, host]) => [path + field, host ? await checkDestination(host) : undefined] as const,
    ),
  );
  refuse(violationsOf(checked));
}

/** Undefined for what is no URL: the proto's rules say so better. */
function hostOf(url: unknown): string | undefined {
  return typeof url === "string" ? URL.parse(url)?.hostname : undefined;
}

export function timeZoneProblem(name: string): string | undefined {
  return isTimeZone(name) ? undefined : "must be the IANA name of a time zone, for example Europe/Berlin";
}

function certificateProblem(pem: string): string | undefined {
  const certificates = pem.match(/-----BEGIN CERTIFICATE-----[^-]+-----END CERTIFICATE-----/g) ?? [];
  const unreadable = certificates.findIndex((certificate) => !isCertificate(certificate));
  return unreadable < 0 ? undefined : `certificate ${unreadable + 1} cannot be read`;
}

function isCertificate(pem: string): boolean {
  try {
    return new X509Certificate(pem).raw.length > 0;
  } catch {
    return false;
  }
}

function problemOf(value: unknown, check: (text: string) => string | undefined): string | undefined {
  return typeof value === "string" && value !== "" ? check(value) : undefined;
}

function violationsOf(problems: (readonly [string, string | undefined])[]): FieldViolation[] {
  return problems.flatMap(([field, message]) => (message === undefined ? [] : [{ field, message }]));
}
