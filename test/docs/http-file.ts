export interface HttpRequest {
  /** What stands above it. */
  comment: string;
  method: string;
  url: string;
  headers: Record<string, string>;
  body: string | undefined;
}

/**
 * Reads what REST Client and JetBrains have in common: `@name = value`, and requests
 * after `###`. A runner from npm would bring 210 packages.
 */
export function parseHttpFile(text: string): { variables: Record<string, string>; requests: HttpRequest[] } {
  const [head = "", ...parts] = text.split(/^###/m);
  const variables = [...head.matchAll(/^@(\w+) =[ \t]*(.*)$/gm)].map(([, name = "", value = ""]) => [
    name,
    value,
  ]);
  return { variables: Object.fromEntries(variables), requests: parts.map(parseRequest) };
}

function parseRequest(part: string): HttpRequest {
  const [title = "", ...lines] = part.trim().split("\n");
  const comments = lines.filter((line) => line.startsWith("#"));
  const [top = "", ...body] = lines
    .filter((line) => !line.startsWith("#"))
    .join("\n")
    .split("\n\n");
  const [call = "", ...headers] = top.split("\n");
  const [method = "", url = ""] = call.split(" ");
  return {
    comment: [title, ...comments].join("\n"),
    method,
    url,
    headers: Object.fromEntries(headers.map((line) => line.split(": ", 2))),
    body: body.length > 0 ? body.join("\n\n") : undefined,
  };
}
