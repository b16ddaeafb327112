import type { CallerOptions } from "./services.ts";

/**
 * The headers that every call of the API needs. Blanks around a value, such as the line
 * break of a file that it came from, do not count.
 *
 * @throws TypeError for what no header can hold; it does not tell the key
 */
export function identityHeaders({ apiKey, tenantId }: Pick<CallerOptions, "apiKey" | "tenantId">) {
  return {
    "x-api-key": headerValue("apiKey", apiKey),
    "x-tenant-id": headerValue("tenantId", tenantId),
  };
}

function headerValue(option: string, value: unknown): string {
  // From the environment it may be anything, whatever the types say.
  const text = typeof value === "string" ? value.trim() : "";
  if (text === "") throw new TypeError(`${option} is missing or empty`);
  if (!/^[\x21-\x7e]+$/.test(text)) {
    throw new TypeError(`${option} holds a character that neither keys nor UUIDs have`);
  }
  return text;
}
