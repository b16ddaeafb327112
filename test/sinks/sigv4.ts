import { createHash, createHmac } from "node:crypto";
import type { IncomingHttpHeaders } from "node:http";

export interface AwsKeys {
  accessKeyId: string;
  secretAccessKey: string;
  /** Only for temporary credentials. */
  sessionToken?: string;
}

/** How a request was signed. */
export interface Signature {
  accessKeyId: string;
  region: string;
  service: string;
}

/** Why a signature does not hold: an AWS error code and a text. */
export interface SignatureFault {
  code: string;
  message: string;
}

/**
 * Checks a POST to "/" that is signed in its headers, by making the signature again (AWS
 * Signature Version 4). `keysOf` finds the credentials by their access key id.
 */
export function verifySignature(
  headers: IncomingHttpHeaders,
  body: string,
  keysOf: (accessKeyId: string) => AwsKeys | undefined,
): Signature | SignatureFault {
  const pattern =
    /^AWS4-HMAC-SHA256 Credential=([^/]+)\/(\d{8})\/([^/]+)\/([^/]+)\/aws4_request, SignedHeaders=([^,]+), Signature=([0-9a-f]{64})$/;
  const match = pattern.exec(headers.authorization ?? "");
  if (!match)
    return { code: "MissingAuthenticationToken", message: "Request is missing Authentication Token" };
  const [, accessKeyId = "", day = "", region = "", service = "", signedHeaders = "", given] = match;

  const keys = keysOf(accessKeyId);
  if (!keys || keys.sessionToken !== headers["x-amz-security-token"]) {
    return { code: "InvalidClientTokenId", message: "The security token included in the request is invalid" };
  }
  const names = signedHeaders.split(";");
  const needed = ["host", "x-amz-date", ...(keys.sessionToken ? ["x-amz-security-token"] : [])];
  const time = String(headers["x-amz-date"]);
  if (!needed.every((name) => names.includes(name)) || !time.startsWith(day) || !isNow(time)) {
    return {
      code: "IncompleteSignature",
      message: "The signature does not cover what it must, or its date is off",
    };
  }

  const canonicalHeaders = names.map((name) => `${name}:${String(headers[name]).trim()}\n`).join("");
  const canonical = ["POST", "/", "", canonicalHeaders, signedHeaders, sha256(body)].join("\n");
  const scope = `${day}/${region}/${service}/aws4_request`;
  const text = ["AWS4-HMAC-SHA256", time, scope, sha256(canonical)].join("\n");
  const key = [day, region, service, "aws4_request"].reduce<string | Buffer>(
    (secret, part) => createHmac("sha256", secret).update(part).digest(),
    `AWS4${keys.secretAccessKey}`,
  );
  if (createHmac("sha256", key).update(text).digest("hex") !== given) {
    // As AWS does, with the canonical request in the text, session token included.
    return { code: "SignatureDoesNotMatch", message: `The Canonical String should have been '${canonical}'` };
  }
  return { accessKeyId, region, service };
}

function sha256(text: string): string {
  return createHash("sha256").update(text).digest("hex");
}

/** Whether a time like 20260301T170530Z is at most five minutes off. */
function isNow(time: string): boolean {
  const iso = time.replace(/^(\d{4})(\d\d)(\d\dT\d\d)(\d\d)(\d\dZ)$/, "$1-$2-$3:$4:$5");
  return Math.abs(Date.now() - Date.parse(iso)) < 300_000;
}
