import { mkdirSync, readdirSync, statSync, writeFileSync } from "node:fs";
import { type IncomingHttpHeaders, request as requestHttp } from "node:http";
import { connect as connectHttp2 } from "node:http2";
import { request as requestHttps } from "node:https";
import { join, resolve } from "node:path";
import { buffer } from "node:stream/consumers";
import { brotliDecompressSync, gunzipSync } from "node:zlib";
import { afterAll, beforeAll, expect, test } from "vitest";
import { createConsolePages } from "../../src/server/console-pages.ts";
import { makeCertificates } from "../sinks/certificates.ts";
import { type ApiServer, startApiServer } from "../support/api-server.ts";
import { makeTempDir, removeDir } from "../support/temp-dir.ts";
import { assertFreshBuild } from "./support/fresh-build.ts";

const built = resolve(import.meta.dirname, "../../dist/console");

let server: ApiServer;

beforeAll(async () => {
  assertFreshBuild();
  server = await startApiServer({ pages: createConsolePages(built) });
});

afterAll(async () => {
  await server.close();
});

interface Answer {
  status: number;
  headers: IncomingHttpHeaders;
  body: Buffer;
}

/** As it comes over the wire: `fetch` would decompress it. */
function fetchRaw(path: string, headers: Record<string, string> = {}, method = "GET"): Promise<Answer> {
  return new Promise((answer, reject) => {
    const request = requestHttp(`${server.url}${path}`, { method, headers }, async (response) => {
      answer({ status: response.statusCode ?? 0, headers: response.headers, body: await buffer(response) });
    });
    request.on("error", reject).end();
  });
}

async function assetPaths(): Promise<string[]> {
  const { body } = await fetchRaw("/console");
  return [...String(body).matchAll(/(?:src|href)="(\/console\/[^"]+)"/g)].map(([, path]) => path ?? "");
}

test("the page is never kept without asking, and its assets for ever", async () => {
  const page = await fetchRaw("/console/");
  expect(page.headers).toMatchObject({
    "content-type": "text/html; charset=utf-8",
    "cache-control": "no-cache",
    "x-content-type-options": "nosniff",
    "referrer-policy": "no-referrer",
  });
  const again = await fetchRaw("/console/", { "if-none-match": String(page.headers.etag) });
  expect([again.status, again.body.length]).toEqual([304, 0]);

  const paths = await assetPaths();
  expect(paths.map((path) => path.replace(/^.*\./, ""))).toEqual(
    expect.arrayContaining(["svg", "js", "css"]),
  );
  for (const path of paths) {
    const { status, headers } = await fetchRaw(path);
    expect([path, status]).toEqual([path, 200]);
    const kept = path.includes("/assets/") ? "public, max-age=31536000, immutable" : "no-cache";
    expect([path, headers["cache-control"]]).toEqual([path, kept]);
  }
});

test("a policy lets the console load its own files and call its own server, and nothing else", async () => {
  const { headers, body } = await fetchRaw("/console");
  expect(headers["content-security-policy"]).toBe(
    "default-src 'none'; script-src 'self'; style-src 'self'; connect-src 'self'; img-src 'self' data:; " +
      "frame-src 'self'; frame-ancestors 'none'; base-uri 'none'; form-action 'none'",
  );
  expect(String(body)).not.toMatch(/<script(?![^>]*src=)|<style|\son\w+=|style=|https?:\/\//i);
  const frame = await fetchRaw("/console/mail-frame.html");
  expect(frame.headers["content-security-policy"]).toMatch(
    /^sandbox allow-same-origin; default-src 'none'; /,
  );
  expect(frame.headers["content-security-policy"]).not.toContain("script-src");
});

test("files come compressed as the client takes them", async () => {
  const [script = ""] = (await assetPaths()).filter((path) => path.endsWith(".js"));
  const plain = await fetchRaw(script);
  expect(plain.headers["content-encoding"]).toBeUndefined();
  const br = await fetchRaw(script, { "accept-encoding": "gzip, br;q=0.5" });
  expect([br.headers["content-encoding"], br.headers.vary]).toEqual(["br", "accept-encoding"]);
  expect(brotliDecompressSync(br.body).equals(plain.body)).toBe(true);
  const gzip = await fetchRaw(script, { "accept-encoding": "gzip, br;q=0" });
  expect(gzip.headers["content-encoding"]).toBe("gzip");
  expect(gunzipSync(gzip.body).equals(plain.body)).toBe(true);
});

test("all that a first visit loads is small", () => {
  const files = readdirSync(join(built, "assets")).filter((name) => name.endsWith(".gz"));
  const bytes = files.reduce((sum, name) => sum + statSync(join(built, "assets", name)).size, 0);
  expect(bytes).toBeGreaterThan(50_000);
  expect(bytes).toBeLessThan(150_000);
});

test("addresses inside are the console's own, and what is no page is refused", async () => {
  const page = await fetchRaw("/console");
  for (const path of ["/console/channels", "/console/deliveries/1?a=b", "/console/..%2f..%2fpackage.json"]) {
    expect((await fetchRaw(path)).body.equals(page.body), path).toBe(true);
  }
  for (const path of ["/console/assets/none.js", "/console/assets/../../../package.json"]) {
    expect((await fetchRaw(path)).status, path).not.toBe(200);
  }
  expect((await fetchRaw("/consoles")).status).toBe(404);
  const head = await fetchRaw("/console", {}, "HEAD");
  expect([head.status, head.headers["content-length"], head.body.length]).toEqual([
    200,
    String(page.body.length),
    0,
  ]);
  const post = await fetchRaw("/console", {}, "POST");
  expect([post.status, post.headers.allow]).toEqual([405, "GET, HEAD"]);
});

test("HTTP/2 and TLS answer the same", async () => {
  const page = await fetchRaw("/console");
  const session = connectHttp2(server.url);
  const h2 = session.request({ ":path": "/console" });
  expect((await buffer(h2)).equals(page.body)).toBe(true);
  session.close();

  const dir = await makeTempDir();
  const { ca, cert, key } = makeCertificates();
  const tls = { certFile: join(dir, "cert.pem"), keyFile: join(dir, "key.pem"), clientCaFile: undefined };
  writeFileSync(tls.certFile, cert);
  writeFileSync(tls.keyFile, key);
  const secure = await startApiServer({ tls, pages: createConsolePages(built) });
  const body = await new Promise<Buffer>((answer, reject) => {
    const request = requestHttps(`${secure.url}/console`, { ca, agent: false }, async (response) => {
      answer(await buffer(response));
    });
    request.on("error", reject).end();
  });
  expect(body.equals(page.body)).toBe(true);
  await secure.close();
  removeDir(dir);
});

test("a console that is not built says so, and the rest goes on", async () => {
  const dir = await makeTempDir();
  mkdirSync(join(dir, "console"));
  const bare = await startApiServer({ pages: createConsolePages(join(dir, "console")) });
  const answer = await fetch(`${bare.url}/console`);
  expect([answer.status, await answer.text()]).toEqual([
    503,
    "The console is not built. Run: npm run build\n",
  ]);
  expect((await fetch(`${bare.url}/healthz`)).status).toBe(200);
  await bare.close();
  removeDir(dir);
});
