import { errors } from "undici";

/** Code for a connector's error that says that the address must not be connected to. */
export const addressRefused = "ERR_ADDRESS_REFUSED";

/**
 * A post's failure in a few words. Only the error's code is used: the messages of
 * undici and Node.js name addresses, hosts and what a certificate holds.
 */
export function describeFailure(error: Error): string {
  const code = "code" in error && typeof error.code === "string" ? error.code : "";
  const known = texts.get(code);
  if (known) return known;
  if (error instanceof errors.HTTPParserError) return "the response is not HTTP";
  if (code.startsWith("ERR_SSL_") || code.startsWith("ERR_TLS_")) return "TLS: handshake failed";
  // Node's rarer codes for certificates (https://nodejs.org/api/tls.html#x509-certificate-error-codes).
  if (/^CERT_|_CERT$|^INVALID_(CA|PURPOSE)$/.test(code)) return `TLS: certificate not accepted (${code})`;
  return /^[A-Z][A-Z0-9_]*$/.test(code) ? `request failed (${code})` : "request failed";
}

/** An answer that is not a success, in a few words: "HTTP 503". */
export function describeStatus(status: number): string {
  const redirect = status >= 300 && status < 400;
  return `HTTP ${status}${redirect ? ": redirects are not followed" : ""}`;
}

const closed = "the connection was closed before the response was complete";
const stopping = "the service is stopping";
const unreachable = "host unreachable";
const unknownIssuer = "TLS: certificate of an unknown issuer";
const selfSigned = "TLS: self-signed certificate";

const texts = new Map([
  [addressRefused, "the address is not allowed"],
  ["ECONNREFUSED", "connection refused"],
  ["ECONNRESET", "connection reset"],
  ["EPIPE", "connection reset"],
  ["UND_ERR_SOCKET", closed],
  ["UND_ERR_RES_CONTENT_LENGTH_MISMATCH", closed],
  ["ENOTFOUND", "host not found"],
  ["EAI_AGAIN", "host name lookup failed"],
  ["EHOSTUNREACH", unreachable],
  ["ENETUNREACH", unreachable],
  ["ETIMEDOUT", "connecting timed out"],
  ["UND_ERR_CONNECT_TIMEOUT", "connecting timed out"],
  ["UND_ERR_HEADERS_OVERFLOW", "the response headers are too large"],
  ["UND_ERR_INVALID_ARG", "the URL or a header cannot be sent"],
  ["UND_ERR_DESTROYED", stopping],
  ["UND_ERR_CLOSED", stopping],
  ["DEPTH_ZERO_SELF_SIGNED_CERT", selfSigned],
  ["SELF_SIGNED_CERT_IN_CHAIN", selfSigned],
  ["UNABLE_TO_VERIFY_LEAF_SIGNATURE", unknownIssuer],
  ["UNABLE_TO_GET_ISSUER_CERT", unknownIssuer],
  ["UNABLE_TO_GET_ISSUER_CERT_LOCALLY", unknownIssuer],
  ["CERT_HAS_EXPIRED", "TLS: certificate has expired"],
  ["ERR_TLS_CERT_ALTNAME_INVALID", "TLS: certificate is for another host"],
  ["EPROTO", "TLS: handshake failed"],
]);
