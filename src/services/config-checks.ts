import { X509Certificate } from "node:crypto";
import { isTimeZone } from "../channels/time-text.ts";
import { signingProblem } from "../signing-key.ts";
import type { ConfigObject } from "../store/channel-secrets.ts";
import { type FieldViolation, invalidFields } from "./errors.ts";

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
  const violations = violationsOf(checked);
  if (violations.length > 0) throw invalidFields(violations);
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
