import { readFileSync, statSync } from "node:fs";
import { createSecureContext, type SecureContextOptions } from "node:tls";

/** Where the certificate, its key and the authorities of clients are, all PEM. */
export interface TlsFiles {
  /** The server's certificate, followed by those between it and its authority. */
  certFile: string;
  keyFile: string;
  /** When given, only clients with a certificate of one of these authorities get in. */
  clientCaFile: string | undefined;
}

/**
 * Reads the files and tries them out. Throws when one cannot be read or they do not
 * fit together; the message holds nothing of what is in them.
 */
export function readTlsFiles({ certFile, keyFile, clientCaFile }: TlsFiles): SecureContextOptions {
  const context: SecureContextOptions = {
    cert: read("JITSUDO_TLS_CERT_FILE", certFile),
    key: read("JITSUDO_TLS_KEY_FILE", keyFile),
    ...(clientCaFile && { ca: read("JITSUDO_TLS_CLIENT_CA_FILE", clientCaFile) }),
    // RFC 8996 forbids the versions before.
    minVersion: "TLSv1.2",
  };
  try {
    createSecureContext(context);
  } catch (error) {
    const code = (error as NodeJS.ErrnoException).code ?? (error as Error).name;
    throw new Error(
      `the files of JITSUDO_TLS_CERT_FILE and JITSUDO_TLS_KEY_FILE do not make a pair (${code})`,
    );
  }
  return context;
}

/** Changes whenever one of the files was replaced or written to; also when one is not there. */
export function tlsFilesVersion({ certFile, keyFile, clientCaFile }: TlsFiles): string {
  const files = [certFile, keyFile, ...(clientCaFile ? [clientCaFile] : [])];
  return files.map(fileVersion).join(" ");
}

function fileVersion(file: string): string {
  try {
    const { mtimeMs, size, ino } = statSync(file);
    return `${mtimeMs}/${size}/${ino}`;
  } catch (error) {
    return `${(error as NodeJS.ErrnoException).code}`;
  }
}

function read(setting: string, file: string): Buffer {
  try {
    return readFileSync(file);
  } catch (error) {
    throw new Error(`${setting}: cannot read the file (${(error as NodeJS.ErrnoException).code})`);
  }
}
