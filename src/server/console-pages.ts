import type { HttpRequest, HttpResponse } from "./calls.ts";
import { type ConsoleFile, consoleFolder, readConsoleFiles } from "./console-files.ts";
import type { Pages } from "./server-options.ts";

const common = "base-uri 'none'; form-action 'none'";

/** The console loads its own files and calls its own server, and nobody may frame it. */
const consolePolicy = `default-src 'none'; script-src 'self'; style-src 'self'; connect-src 'self'; img-src 'self' data:; frame-src 'self'; frame-ancestors 'none'; ${common}`;

/**
 * For the frame in which the console shows an e-mail: it may look as it likes, and
 * neither run nor load anything, whatever is put into it.
 */
const mailPolicy = `sandbox allow-same-origin; default-src 'none'; style-src 'unsafe-inline'; img-src data:; frame-ancestors 'self'; ${common}`;

const mailFrame = "mail-frame.html";

/**
 * Answers `/console` and all below it with the console that was built into `folder`.
 * Paths that name no file are pages that the console itself knows.
 */
export function createConsolePages(folder = consoleFolder()): Pages {
  const files = readConsoleFiles(folder);

  return (request, response) => {
    const [path = ""] = (request.url ?? "").split("?", 1);
    if (path !== "/console" && !path.startsWith("/console/")) return false;
    if (request.method !== "GET" && request.method !== "HEAD") {
      sendText(response, 405, "The console takes GET and HEAD.\n", { allow: "GET, HEAD" });
      return true;
    }
    if (!files) {
      sendText(response, 503, "The console is not built. Run: npm run build\n");
      return true;
    }
    const name = path.slice("/console/".length);
    const file = files.get(name) ?? (name.startsWith("assets/") ? undefined : files.get("index.html"));
    if (file) sendFile(request, response, file, name === mailFrame ? mailPolicy : consolePolicy);
    else sendText(response, 404, "There is no such file.\n");
    return true;
  };
}

function sendFile(request: HttpRequest, response: HttpResponse, file: ConsoleFile, policy: string): void {
  const [coding, body] = choose(file, String(request.headers["accept-encoding"] ?? ""));
  const headers = {
    ...security(policy),
    "content-type": file.type,
    etag: file.etag,
    vary: "accept-encoding",
    "cache-control": file.immutable ? "public, max-age=31536000, immutable" : "no-cache",
    ...(coding !== "identity" && { "content-encoding": coding }),
  };
  if (request.headers["if-none-match"] === file.etag) {
    response.writeHead(304, headers);
    response.end();
    return;
  }
  response.writeHead(200, { ...headers, "content-length": String(body.length) });
  if (request.method === "HEAD") response.end();
  else response.end(body);
}

/** The smallest form that the client takes. A coding with `q=0` is one that it refuses. */
function choose({ bodies }: ConsoleFile, accepted: string): [coding: string, body: Buffer] {
  const wanted = accepted
    .split(",")
    .filter((item) => !/;\s*q=0(\.0*)?\s*$/.test(item))
    .map((item) => item.split(";", 1).join().trim());
  const found = [...bodies].find(([coding]) => coding === "identity" || wanted.includes(coding));
  return found ?? ["identity", Buffer.alloc(0)];
}

function sendText(
  response: HttpResponse,
  status: number,
  text: string,
  headers: Record<string, string> = {},
): void {
  response.writeHead(status, {
    ...security("default-src 'none'; frame-ancestors 'none'"),
    ...headers,
    "content-type": "text/plain; charset=utf-8",
    "cache-control": "no-store",
  });
  response.end(text);
}

function security(policy: string): Record<string, string> {
  return {
    "content-security-policy": policy,
    "x-content-type-options": "nosniff",
    "referrer-policy": "no-referrer",
    "cross-origin-opener-policy": "same-origin",
    "cross-origin-resource-policy": "same-origin",
  };
}
