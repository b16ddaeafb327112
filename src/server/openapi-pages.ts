import { createHash } from "node:crypto";
import type { HttpResponse } from "./calls.ts";
import { readOpenApiDocument } from "./openapi-document.ts";
import { openApiHtml } from "./openapi-html.ts";
import { openApiStyle } from "./openapi-style.ts";
import type { Pages } from "./server-options.ts";

const styleHash = createHash("sha256").update(openApiStyle).digest("base64");

/** Nothing may be loaded or run, and no other page may frame it. */
const policy = `default-src 'none'; style-src 'sha256-${styleHash}'; base-uri 'none'; form-action 'none'; frame-ancestors 'none'`;

/** Answers `GET /openapi.json` and `GET /docs`: what the REST API is, for machines and for people. */
export function createOpenApiPages(): Pages {
  const { text, document } = readOpenApiDocument();
  const pages = new Map([
    ["/openapi.json", { type: "application/json", body: text }],
    ["/docs", { type: "text/html; charset=utf-8", body: openApiHtml(document) }],
  ]);

  return ({ url, method }, response) => {
    const page = pages.get(url ?? "");
    if (!page || (method !== "GET" && method !== "HEAD")) return false;
    send(response, page.type, method === "HEAD" ? "" : page.body);
    return true;
  };
}

function send(response: HttpResponse, type: string, body: string): void {
  response.writeHead(200, {
    "content-type": type,
    "content-security-policy": policy,
    "x-content-type-options": "nosniff",
    "referrer-policy": "no-referrer",
    "cache-control": "no-cache",
  });
  response.end(body);
}
