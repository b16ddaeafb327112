import { randomBytes } from "node:crypto";
import {
  closeSync,
  existsSync,
  fsyncSync,
  globSync,
  linkSync,
  mkdirSync,
  openSync,
  readFileSync,
  renameSync,
  rmSync,
  writeFileSync,
} from "node:fs";
import { dirname, join } from "node:path";
import type { Credentials } from "./first-tenant.ts";

/** Makes the data folder, readable by its owner alone, as is what this process makes from now on, also where the folder is not. */
export function makeDataDir(dataDir: string): void {
  process.umask(0o077);
  mkdirSync(dataDir, { recursive: true, mode: 0o700 });
}

/** The key that encrypts secrets when the environment gives none: made once, then kept. */
export function keptEncryptionKey(dataDir: string): Buffer {
  const file = join(dataDir, "encryption-key");
  if (!existsSync(file)) writeWhole(file, randomBytes(32).toString("base64"), linkNew);
  return Buffer.from(readFileSync(file, "utf8"), "base64");
}

/**
 * Keeps the first tenant and key, for scripts. Those that were there before, of another
 * database, go to a file that is named after their tenant.
 */
export function keepCredentials(dataDir: string, { tenantId, apiKey }: Credentials): void {
  const file = credentialsFile(dataDir);
  const former = existsSync(file) ? parseCredentials(file) : undefined;
  if (former?.apiKey === apiKey) return;
  if (former) renameSync(file, asideFile(dataDir, former.tenantId));
  const json = { tenant_id: tenantId, api_key: apiKey };
  writeWhole(file, `${JSON.stringify(json, undefined, 2)}\n`, renameSync);
  rmSync(asideFile(dataDir, tenantId), { force: true });
}

/** All that are kept, those of the last start first. */
export function keptCredentials(dataDir: string): Credentials[] {
  const files = [credentialsFile(dataDir), ...globSync(asideFile(dataDir, "*"))];
  return files.filter((file) => existsSync(file)).map(parseCredentials);
}

export function credentialsFile(dataDir: string): string {
  return join(dataDir, "credentials.json");
}

function asideFile(dataDir: string, tenantId: string): string {
  return join(dataDir, `credentials-${tenantId}.json`);
}

function parseCredentials(file: string): Credentials {
  try {
    const json = JSON.parse(readFileSync(file, "utf8")) as { tenant_id: string; api_key: string };
    return { tenantId: json.tenant_id, apiKey: json.api_key };
  } catch (error) {
    throw new Error(`${file} holds no credentials, mend it or move it away: ${(error as Error).message}`);
  }
}

/** Has a file appear with all that is in it or not at all, whatever ends the process meanwhile. */
function writeWhole(file: string, text: string, place: (draft: string, file: string) => void): void {
  const draft = `${file}.${randomBytes(6).toString("hex")}`;
  try {
    writeFileSync(draft, text, { mode: 0o600, flush: true });
    place(draft, file);
    const folder = openSync(dirname(file), "r");
    fsyncSync(folder);
    closeSync(folder);
  } finally {
    rmSync(draft, { force: true });
  }
}

/** Of two processes that start together, one places its file, which both then read. */
function linkNew(draft: string, file: string): void {
  try {
    linkSync(draft, file);
  } catch (error) {
    if ((error as NodeJS.ErrnoException).code !== "EEXIST") throw error;
  }
}
