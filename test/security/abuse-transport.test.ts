import { connect as connectHttp2, constants } from "node:http2";
import { connect, type Socket } from "node:net";
import { text } from "node:stream/consumers";
import { brotliCompressSync, gzipSync } from "node:zlib";
import { afterAll, beforeAll, describe, expect, inject, it } from "vitest";
import type { ErrorJson } from "../e2e/api.ts";
import type { Service } from "../support/service.ts";
import { until } from "../support/until.ts";
import { type Key, openRig, type Rig } from "./rig.ts";

const service_ = "/jitsudo.notifications.v1.EventIngestService";
const megabyte = 1024 * 1024;

let rig: Rig;
let service: Service;
let key: Key;
let tenant: string;
let port: number;
beforeAll(async () => {
  rig = await openRig(inject("postgresUrl"), { JITSUDO_ROLE: "api", JITSUDO_REQUEST_TIMEOUT_MS: "1000" });
  tenant = await rig.createTenant("transport");
  key = await rig.createKey(tenant);
  service = await rig.start();
  port = Number(new URL(service.url).port);
  await works();
});
afterAll(async () => {
  expect(service.running()).toBe(true);
  expect(service.stderr()).not.toContain("unexpected error");
  await rig.close();
});

const headers = () => ({ "x-api-key": key.apiKey, "x-tenant-id": tenant });

/** Runs the attack, and then: the service answers, and its memory is about what it was. */
async function survives(attack: () => Promise<void>, extraBytes = 120 * megabyte): Promise<void> {
  const before = await metric("process_resident_memory_bytes");
  await attack();
  // On a busy machine the database may have kept a call waiting for too long meanwhile.
  await until(works);
  await until(async () => (await metric("process_resident_memory_bytes")) < before + extraBytes);
}

async function works(): Promise<true> {
  const answer = await fetch(`${service.url}/v1/events`, {
    method: "POST",
    headers: { ...headers(), "content-type": "application/json" },
    body: '{"type":"grant.active"}',
  });
  expect(answer.status).toBe(202);
  return true;
}

async function metric(name: string): Promise<number> {
  const page = await (await fetch(`${service.url}/metrics`)).text();
  return Number(new RegExp(`^${name} (\\S+)`, "m").exec(page)?.[1]);
}

async function post(path: string, body: Buffer, more: Record<string, string>) {
  const answer = await fetch(service.url + path, {
    method: "POST",
    headers: { ...headers(), "content-type": "application/json", ...more },
    body,
  });
  return { status: answer.status, body: (await answer.json()) as ErrorJson };
}

describe("bodies", () => {
  const large = Buffer.from(`{"type":"grant.active","reason":"${"x".repeat(10 * megabyte)}"}`);

  it("of 10 MB are refused on every path, and again and again", async () => {
    await survives(async () => {
      for (let round = 0; round < 10; round++) {
        expect(await post("/v1/events", large, {})).toMatchObject({
          status: 413,
          body: { code: "payload_too_large" },
        });
        const connectReply = await post(`${service_}/IngestEvent`, large, {});
        expect(connectReply).toMatchObject({ status: 429, body: { code: "resource_exhausted" } });
      }
    });
  });

  it.each([
    ["gzip", (data: Buffer) => gzipSync(data)],
    ["br", (data: Buffer) => brotliCompressSync(data)],
  ] as const)(
    "that unpack to 200 MB from next to nothing are refused early: %s",
    async (encoding, compress) => {
      const bomb = compress(Buffer.alloc(200 * megabyte, 0x20));
      expect(bomb.length).toBeLessThan(megabyte);
      await survives(async () => {
        const encoded = { "content-encoding": encoding };
        for (let round = 0; round < 5; round++) {
          const reply = await post(`${service_}/IngestEvent`, bomb, encoded);
          expect(reply).toMatchObject({ status: 429, body: { code: "resource_exhausted" } });
          expect(await post("/v1/events", bomb, encoded)).toMatchObject({ status: 415 });
        }
        const frame = Buffer.concat([Buffer.from([1]), uint32(bomb.length), bomb]);
        const session = connectHttp2(service.url);
        const stream = session.request({
          ":method": "POST",
          ":path": `${service_}/IngestEvent`,
          "content-type": "application/grpc",
          "grpc-encoding": encoding,
          ...headers(),
        });
        let status: unknown;
        stream.on("response", (headers) => {
          status = headers["grpc-status"];
        });
        stream.end(frame);
        await text(stream);
        session.close();
        expect(status).toBe("8");
      });
    },
  );
});

describe("bodies of calls that do not come to an end", () => {
  it("fill no more memory than a tenant may have, on every path, and leave room to others", async () => {
    const maxBytes = 65_536;
    const patient = await rig.start({
      JITSUDO_MAX_BODY_BYTES: String(maxBytes),
      JITSUDO_REQUEST_TIMEOUT_MS: "60000",
    });
    const other = await rig.createTenant("beside the bodies");
    const otherKey = await rig.createKey(other);
    const body = JSON.stringify({ type: "grant.active", reason: "x".repeat(12_000) });
    const send = (path: string, { apiKey }: Key, tenantId: string) =>
      fetch(patient.url + path, {
        method: "POST",
        headers: { "x-api-key": apiKey, "x-tenant-id": tenantId, "content-type": "application/json" },
        body,
      });
    const sockets = Array.from({ length: 8 }, () =>
      connect(Number(new URL(patient.url).port), "127.0.0.1").on("error", () => undefined),
    );
    for (const socket of sockets) {
      socket.write(
        `POST /v1/events HTTP/1.1\r\nhost: x\r\nx-api-key: ${key.apiKey}\r\nx-tenant-id: ${tenant}\r\n` +
          `content-type: application/json\r\ncontent-length: ${maxBytes}\r\n\r\n${"x".repeat(maxBytes - 1)}`,
      );
    }
    await until(async () => (await send("/v1/events", key, tenant)).status === 429);
    for (const path of ["/v1/events", `${service_}/IngestEvent`]) {
      const refused = await send(path, key, tenant);
      expect(refused.status).toBe(429);
      expect(refused.headers.get("retry-after")).toBe("1");
      expect(await refused.json()).toMatchObject({
        code: "resource_exhausted",
        message: "the tenant's calls under way may have bodies of no more than 524288 bytes together",
      });
      expect((await send(path, otherKey, other)).ok).toBe(true);
    }
    for (const socket of sockets) socket.destroy();
    await until(async () => (await send("/v1/events", key, tenant)).ok);
  });
});

describe("headers", () => {
  it("by the thousand are refused or ignored, over HTTP/1.1 and HTTP/2", async () => {
    await survives(async () => {
      const lines = Array.from({ length: 5_000 }, (_, index) => `x-${index}: ${index}\r\n`).join("");
      const socket = connect(port, "127.0.0.1").on("error", () => undefined);
      socket.write(`GET /healthz HTTP/1.1\r\nhost: x\r\n${lines}\r\n`);
      expect((await text(socket)).split("\r\n")[0]).toBe("HTTP/1.1 431 Request Header Fields Too Large");
      const session = connectHttp2(service.url).on("error", () => undefined);
      const many = Object.fromEntries(Array.from({ length: 500 }, (_, index) => [`x-${index}`, "1"]));
      const stream = session.request({ ":path": "/healthz", ...many }).on("error", () => undefined);
      stream.resume();
      await new Promise((resolve) => stream.once("close", resolve));
      expect(stream.rstCode).not.toBe(constants.NGHTTP2_NO_ERROR);
      session.destroy();
    });
  });
});

describe("HTTP/2 floods", () => {
  const preface = Buffer.from("PRI * HTTP/2.0\r\n\r\nSM\r\n\r\n");
  const settings = frame(4, 0, 0, Buffer.alloc(0));

  /** HPACK of GET http / with static table entries alone, and an authority. */
  const head = Buffer.from([0x82, 0x86, 0x84, 0x41, 0x01, 0x78]);

  it.each([
    // CVE-2023-44487.
    ["streams that are reset as soon as they are opened", 50_000, rapidReset],
    ["settings", 100_000, () => settings],
    // CVE-2019-9512.
    ["pings", 200_000, () => frame(6, 0, 0, Buffer.alloc(8))],
    // CVE-2019-9518.
    [
      "empty data frames",
      100_000,
      (index: number) => (index === 0 ? frame(1, 4, 1, head) : frame(0, 0, 1, Buffer.alloc(0))),
    ],
    // CVE-2024-27983 and its kin: header blocks without an end.
    [
      "continuations",
      20_000,
      (index: number) => (index === 0 ? frame(1, 0, 1, head) : frame(9, 0, 1, literal(index))),
    ],
    // CVE-2019-9513.
    ["priorities", 200_000, () => frame(2, 0, 1, Buffer.from([0, 0, 0, 0, 1]))],
    // CVE-2019-9515 was settings; this is window updates of nothing.
    ["window updates", 100_000, () => frame(8, 0, 0, uint32(1))],
  ] as const)("of %s", async (_name, count, make) => {
    await survives(async () => {
      for (let round = 0; round < 3; round++) await flood(count, make);
    });
  });

  async function flood(count: number, make: (index: number) => Buffer): Promise<void> {
    const socket = connect(port, "127.0.0.1").on("error", () => undefined);
    let answered = 0;
    // What the server answers is read: who does not read is held up by TCP, not by the server.
    socket.on("data", (data) => {
      answered += data.length;
    });
    socket.write(Buffer.concat([preface, settings]));
    for (let sent = 0; sent < count && !socket.destroyed; sent += 1_000) {
      const part = Array.from({ length: 1_000 }, (_, index) => make(sent + index));
      if (!socket.write(Buffer.concat(part))) await drained(socket);
    }
    socket.destroy();
    expect(answered).toBeLessThan(50 * megabyte);
  }

  function drained(socket: Socket): Promise<unknown> {
    return new Promise((resolve) => socket.once("drain", resolve).once("close", resolve));
  }

  function rapidReset(index: number): Buffer {
    const stream = index * 2 + 1;
    return Buffer.concat([frame(1, 5, stream, head), frame(3, 0, stream, uint32(8))]);
  }

  /** A header field that is not indexed. */
  function literal(index: number): Buffer {
    const name = Buffer.from(`x-${index}`);
    return Buffer.concat([Buffer.from([0, name.length]), name, Buffer.from([1, 0x61])]);
  }
});

describe("connections", () => {
  it("that say nothing, or never come to an end, are closed in time, and others are served meanwhile", async () => {
    const before = await metric("nodejs_active_handles_total");
    const starts = [
      "",
      "G",
      "PRI * HTTP/2.0\r\n",
      "GET /healthz HTTP/1.1\r\nhost: x\r\n",
      `POST /v1/events HTTP/1.1\r\nhost: x\r\nx-api-key: ${key.apiKey}\r\nx-tenant-id: ${tenant}\r\n` +
        "content-type: application/json\r\ncontent-length: 1000\r\n\r\n{",
    ];
    const sockets = Array.from({ length: 500 }, (_, index) => {
      const socket = connect(port, "127.0.0.1")
        .on("error", () => undefined)
        .resume();
      socket.write(starts[index % starts.length] ?? "");
      return socket;
    });
    const dripping = setInterval(() => drip(sockets), 200);
    await survives(async () => {
      await works();
      await until(() => sockets.every(({ destroyed }) => destroyed), { timeoutMs: 30_000 });
    });
    clearInterval(dripping);
    await until(async () => (await metric("nodejs_active_handles_total")) <= before + 10);
  });

  it("that are half closed get their answer and are closed", async () => {
    const sockets = Array.from({ length: 50 }, () => {
      const socket = connect({ port, host: "127.0.0.1", allowHalfOpen: true });
      socket.end("GET /healthz HTTP/1.1\r\nhost: x\r\n\r\n");
      return socket;
    });
    const answers = await Promise.all(sockets.map((socket) => text(socket)));
    expect(answers.every((answer) => answer.startsWith("HTTP/1.1 200"))).toBe(true);
  });
});

/** One byte for each, as a slow-loris does. */
function drip(sockets: Socket[]): void {
  for (const socket of sockets) if (!socket.destroyed && Math.random() < 0.5) socket.write("x");
}

function frame(type: number, flags: number, stream: number, payload: Buffer): Buffer {
  const length = uint32(payload.length).subarray(1);
  return Buffer.concat([length, Buffer.from([type, flags]), uint32(stream), payload]);
}

function uint32(value: number): Buffer {
  const bytes = Buffer.alloc(4);
  bytes.writeUInt32BE(value);
  return bytes;
}
