/**
 * An error for the log: name, code, message, stack and causes. Never its other
 * properties, where database and network errors keep values and addresses, and no
 * URL, which may be a secret.
 */
export function describeError(error: unknown, depth = 0): Record<string, unknown> {
  if (!(error instanceof Error)) return { name: typeof error };
  const { name, message, stack, cause } = error;
  const code = "code" in error ? error.code : undefined;
  return {
    name,
    message: withoutUrls(message).slice(0, 500),
    ...(typeof code === "string" && { code }),
    ...(stack && { stack: framesOf(stack) }),
    ...(cause !== undefined && depth < 3 && { cause: describeError(cause, depth + 1) }),
  };
}

function withoutUrls(text: string): string {
  return text.replace(/\b[a-z][a-z0-9+.-]*:\/\/[^\s"'<>]+/gi, "[url]");
}

/** The stack without its first lines, which repeat the message. */
function framesOf(stack: string): string[] {
  return stack
    .split("\n")
    .map((line) => line.trim())
    .filter((line) => line.startsWith("at "))
    .slice(0, 12);
}
