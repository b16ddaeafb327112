import { execFile } from "node:child_process";
import { writeFileSync } from "node:fs";
import { connect as connectHttp2 } from "node:http2";
import { get as getHttps, type RequestOptions } from "node:https";
import { connect as connectTcp } from "node:net";
import { join } from "node:path";
import { text } from "node:stream/consumers";
import { type ConnectionOptions, connect as connectTls } from "node:tls";
import { ChannelCredentials } from "@grpc/grpc-js";
import { afterEach, beforeAll, beforeEach, describe, expect, it } from "vitest";
import { EventIngestService } from "../../gen/jitsudo/notifications/v1/event_pb.js";
import { createNotificationsClient } from "../../src/clients/connect.ts";
import { createGrpcJsClient } from "../../src/clients/grpc-js.ts";
import type { TlsFiles } from "../../src/server/tls-files.ts";
import { type Certificates, makeCertificates } from "../sinks/certificates.ts";
import { type ApiServer, headers, startApiServer, tenantId } from "../support/api-server.ts";
import { startService } from "../support/service.ts";
import { makeTempDir, removeDir } from "../support/temp-dir.ts";
import { until } from "../support/until.ts";

let first: Certificates;
let second: Certificates;
beforeAll(() => {
  first = makeCertificates();
  second = makeCertificates();
});

let dir: string;
let files: TlsFiles;
let server: ApiServer;
beforeEach(async () => {
  dir = await makeTempDir();
  files = { certFile: join(dir, "cert.pem"), keyFile: join(dir, "key.pem"), clientCaFile: undefined };
  writePair(first);
  writeFileSync(join(dir, "ca.pem"), first.ca);
});
afterEach(async () => {
  await server?.close();
  removeDir(dir);
});

function writePair({ cert, key }: Certificates): void {
  writeFileSync(files.certFile, cert);
  writeFileSync(files.keyFile, key);
}

async function start(more: Parameters<typeof startApiServer>[0] = {}): Promise<void> {
  server = await startApiServer({ tls: files, requestTimeoutMs: 2_000, ...more });
}

/** A page over HTTP/1.1, with who showed which certificate. */
function get(options: RequestOptions = {}): Promise<{ status?: number; issuer: string }> {
  return new Promise((resolve, reject) => {
    const request = getHttps(
      `${server.url}/healthz`,
      { ca: first.ca, agent: false, ...options },
      (answer) => {
        const socket = answer.socket as import("node:tls").TLSSocket;
        const fingerprint = socket.getPeerCertificate().fingerprint256;
        answer.resume().once("end", () => resolve({ status: answer.statusCode ?? 0, issuer: fingerprint }));
      },
    );
    request.on("error", reject);
  });
}

describe("the one port with TLS", () => {
  it("speaks HTTP/1.1 and HTTP/2 as ALPN says", async () => {
    await start();
    expect(server.url).toMatch(/^https:/);
    expect((await get()).status).toBe(200);
    const session = connectHttp2(server.url, { ca: first.ca });
    expect(await text(session.request({ ":path": "/healthz" }))).toBe('{"status":"ok"}');
    expect(session.alpnProtocol).toBe("h2");
    session.close();
    const withCa = ["-sS", "--cacert", join(dir, "ca.pem"), "-w", " %{http_version}"];
    expect(await curl([...withCa, `${server.url}/healthz`])).toBe('{"status":"ok"} 2');
    expect(await curl([...withCa, "--http1.1", `${server.url}/healthz`])).toBe('{"status":"ok"} 1.1');
  });

  it("serves the typed clients, over gRPC and Connect", async () => {
    await start();
    const credentials = { apiKey: headers["x-api-key"], tenantId };
    for (const protocol of ["grpc", "connect"] as const) {
      const client = createNotificationsClient({
        baseUrl: server.url,
        ...credentials,
        protocol,
        tls: { ca: first.ca },
      });
      expect((await client.events.ingestEvent({ type: "grant.active" })).id).toBe("all/grant.active");
      client.close();
    }
    const client = createGrpcJsClient(
      EventIngestService,
      server.url.slice("https://".length),
      ChannelCredentials.createSsl(Buffer.from(first.ca)),
      credentials,
    );
    expect((await client.ingestEvent({ type: "grant.active" })).id).toBe("all/grant.active");
    client.close();
  });

  it("refuses TLS 1.1, plain text, noise and silence, and goes on", async () => {
    await start({ requestTimeoutMs: 200 });
    expect(
      await handshake({ maxVersion: "TLSv1.1", minVersion: "TLSv1.1", ciphers: "ALL:@SECLEVEL=0" }),
    ).toMatch(/ERR_SSL|ECONNRESET/);
    expect(await handshake({ maxVersion: "TLSv1.2" })).toBe("TLSv1.2");
    expect(await handshake({})).toBe("TLSv1.3");
    const sockets = [
      "GET / HTTP/1.1\r\nhost: x\r\n\r\n",
      "PRI * HTTP/2.0\r\n\r\nSM\r\n\r\n",
      "\u0016\u0003\u0001",
      "",
    ].map((sent) => {
      const socket = connectTcp(server.port, "127.0.0.1")
        .on("error", () => undefined)
        .resume();
      socket.write(sent);
      return socket;
    });
    await until(() => sockets.every(({ closed }) => closed));
    expect((await get()).status).toBe(200);
  });

  it("limits slow HTTP/1.1 requests as it does without TLS", async () => {
    await start({ requestTimeoutMs: 200 });
    const socket = connectTls({ port: server.port, host: "127.0.0.1", ca: first.ca });
    socket.write("POST /v1/events HTTP/1.1\r\nhost: x\r\n");
    expect((await text(socket)).split("\r\n")[0]).toBe("HTTP/1.1 408 Request Timeout");
  });

  it("stops in time, with calls in flight, idle connections and unfinished handshakes", async () => {
    await start({ shutdownGraceMs: 300 });
    const session = connectHttp2(server.url, { ca: first.ca }).on("error", () => undefined);
    const hanging = session.request({
      ":method": "POST",
      ":path": "/v1/events",
      "content-type": "application/json",
      ...headers,
    });
    hanging.on("error", () => undefined).resume();
    hanging.end('{"type":"grant.active","reason":"hang"}');
    const idle = connectTls({ port: server.port, host: "127.0.0.1", ca: first.ca }).on(
      "error",
      () => undefined,
    );
    const raw = connectTcp(server.port, "127.0.0.1").on("error", () => undefined);
    await until(() => server.seen.waiting === 1 && idle.authorized);
    const startedAt = performance.now();
    await server.close();
    expect(performance.now() - startedAt).toBeLessThan(5_000);
    await until(() => session.closed && idle.closed);
    raw.destroy();
  });
});

describe("the certificate", () => {
  it("is replaced when its files change, while connections and calls go on", async () => {
    await start();
    const before = (await get()).issuer;
    const session = connectHttp2(server.url, { ca: first.ca });
    expect(await text(session.request({ ":path": "/healthz" }))).toBe('{"status":"ok"}');
    writePair(second);
    await until(async () => (await get({ ca: [first.ca, second.ca] })).issuer !== before);
    await expect(get()).rejects.toThrow(/certificate/);
    expect(await text(session.request({ ":path": "/healthz" }))).toBe('{"status":"ok"}');
    session.close();
  });

  it("stays when the new files do not fit, until they do", async () => {
    await start();
    const before = (await get()).issuer;
    writeFileSync(files.keyFile, second.key);
    await until(() => server.lines.some(({ msg }) => String(msg).startsWith("certificate not loaded")));
    expect((await get()).issuer).toBe(before);
    expect(JSON.stringify(server.lines)).not.toContain("BEGIN");
    writeFileSync(files.certFile, second.cert);
    server.reloadCertificate();
    expect((await get({ ca: second.ca })).issuer).not.toBe(before);
  });

  it("of a client is asked for when there are authorities for it", async () => {
    const clients = makeCertificates();
    const strangers = makeCertificates();
    writeFileSync(join(dir, "clients.pem"), clients.ca);
    files = { ...files, clientCaFile: join(dir, "clients.pem") };
    await start();
    expect((await get({ cert: clients.cert, key: clients.key })).status).toBe(200);
    await expect(get()).rejects.toThrow();
    await expect(get({ cert: strangers.cert, key: strangers.key })).rejects.toThrow();
    const credentials = { apiKey: headers["x-api-key"], tenantId, baseUrl: server.url };
    const known = createNotificationsClient({
      ...credentials,
      tls: { ca: first.ca, cert: clients.cert, key: clients.key },
    });
    expect((await known.events.ingestEvent({ type: "grant.active" })).id).toBe("all/grant.active");
    known.close();
    const unknown = createNotificationsClient({ ...credentials, tls: { ca: first.ca } });
    await expect(unknown.events.ingestEvent({ type: "grant.active" })).rejects.toThrow();
    unknown.close();
  });
});

describe("the service with TLS", () => {
  it("says https where it is ready, loads the certificate at SIGHUP, and names the setting that is wrong", {
    timeout: 180_000,
  }, async () => {
    const env = { JITSUDO_TLS_CERT_FILE: files.certFile, JITSUDO_TLS_KEY_FILE: files.keyFile };
    const service = await startService({ env, timeoutMs: 120_000 });
    expect(service.url).toMatch(/^https:\/\/127\.0\.0\.1:\d+$/);
    expect(await curl(["-sS", "--cacert", join(dir, "ca.pem"), `${service.url}/readyz`])).toBe(
      '{"status":"ok"}',
    );
    process.kill(Number(/"pid":(\d+)/.exec(service.stderr())?.[1]), "SIGHUP");
    await until(() => service.stderr().includes("certificate loaded"));
    await service.close();

    const failing = (wrong: Record<string, string>) => startService({ env: { ...env, ...wrong } });
    await expect(failing({ JITSUDO_TLS_KEY_FILE: "" })).rejects.toThrow("JITSUDO_TLS_KEY_FILE: must be set");
    await expect(failing({ JITSUDO_TLS_CERT_FILE: "" })).rejects.toThrow(
      "JITSUDO_TLS_CERT_FILE: must be set",
    );
    await expect(
      failing({ JITSUDO_TLS_CERT_FILE: join(dir, "none.pem"), JITSUDO_ROLE: "worker" }),
    ).rejects.toThrow("JITSUDO_TLS_CERT_FILE: cannot read the file (ENOENT)");
  });
});

/** The protocol that was agreed on, or the code of what went wrong. */
function handshake(options: ConnectionOptions): Promise<string> {
  return new Promise((resolve) => {
    const socket = connectTls({ port: server.port, host: "127.0.0.1", ca: first.ca, ...options }, () => {
      resolve(socket.getProtocol() ?? "");
      socket.destroy();
    });
    socket.on("error", (error: NodeJS.ErrnoException) => resolve(error.code ?? error.message));
  });
}

function curl(args: string[]): Promise<string> {
  return new Promise((resolve, reject) => {
    execFile("curl", args, (error, stdout, stderr) => (error ? reject(new Error(stderr)) : resolve(stdout)));
  });
}
