import { createPublicKey, verify } from "node:crypto";

/** Verifies a "v1a," signature as a receiver does that knows nothing but the "whpk_" key. */
export function verifyEd25519(publicKey: string, signature: string, text: string): boolean {
  const x = Buffer.from(publicKey.replace("whpk_", ""), "base64").toString("base64url");
  const key = createPublicKey({ key: { kty: "OKP", crv: "Ed25519", x }, format: "jwk" });
  const [version, base64 = ""] = signature.split(",");
  return version === "v1a" && verify(null, Buffer.from(text), key, Buffer.from(base64, "base64"));
}
