import { once } from "node:events";
import { connect as connectHttp2 } from "node:http2";
import { connect, type Socket } from "node:net";
import { text } from "node:stream/consumers";
import { afterEach, beforeEach, describe, expect, it } from "vitest";
import { NotificationChannelService } from "../gen/jitsudo/notifications/v1/channel_pb.js";
import { type ApiServer, headers, startApiServer } from "./support/api-server.ts";
import { until } from "./support/until.ts";

let server: ApiServer;
beforeEach(async () => {
  server = await startApiServer({ requestTimeoutMs: 500 });
});
afterEach(() => server.close());

const preface = "PRI * HTTP/2.0\r\n\r\nSM\r\n\r\n";

describe("clients that misbehave", () => {
  it("leave neither sockets nor a broken server behind", async () => {
    const before = openSockets();
    const acts: ((socket: Socket) => void)[] = [
      (socket) => socket.destroy(),
      (socket) => socket.resetAndDestroy(),
      (socket) => socket.end(),
      (socket) => socket.write("P", () => socket.resetAndDestroy()),
      (socket) => socket.write(preface.slice(0, 10), () => socket.destroy()),
      (socket) => socket.write(preface, () => socket.resetAndDestroy()),
      (socket) => socket.write(`${preface}garbage garbage garbage`, () => socket.end()),
      (socket) => socket.write("\u0000\u0001\u0002", () => socket.end()),
      (socket) => socket.write("GET /healthz HTTP/1.1\r\nhost: x\r\n\r\n", () => socket.destroy()),
      (socket) => socket.write(`${requestHead(50_000)}{`, () => socket.resetAndDestroy()),
      // These two just hang.
      () => undefined,
      (socket) => socket.write("GET /healthz HT"),
    ];
    const sockets = Array.from({ length: 300 }, (_, index) => {
      const socket = connect(server.port, "127.0.0.1", () => acts[index % acts.length]?.(socket));
      return socket.on("error", () => undefined).resume();
    });
    await until(() => sockets.every(({ closed }) => closed));
    await until(() => openSockets() <= before);
    expect((await fetch(`${server.url}/healthz`)).status).toBe(200);
    expect(server.lines.filter(({ level }) => Number(level) >= 50)).toEqual([]);
  });

  it("and do not read their answer lose it", async () => {
    const large = await startApiServer({
      requestTimeoutMs: 500,
      routes: (router) => {
        router.service(NotificationChannelService, {
          listChannels: () => ({ channels: [{ name: "x".repeat(20_000_000) }] }),
        });
      },
    });
    const socket = connect(large.port, "127.0.0.1").on("error", () => undefined);
    const lines = Object.entries({ host: "x", ...headers }).map((header) => header.join(": "));
    socket.write(["GET /v1/notification-channels HTTP/1.1", ...lines, "", ""].join("\r\n"));
    await until(() => large.lines.some(({ msg }) => msg === "request"));
    socket.destroy();
    await large.close();
  });

  it.each([
    ["another protocol", "GET / FTP/7\r\n\r\n", "400 Bad Request"],
    ["nonsense", "nonsense\r\n\r\n", "400 Bad Request"],
    [
      "large headers",
      `GET / HTTP/1.1\r\nhost: x\r\nbig: ${"x".repeat(40_000)}\r\n\r\n`,
      "431 Request Header Fields Too Large",
    ],
    ["an unfinished head", "POST /v1/events HTTP/1.1\r\nhost: x\r\n", "408 Request Timeout"],
  ])("get an answer for %s", async (_what, sent, status) => {
    const socket = connect(server.port, "127.0.0.1");
    socket.write(sent);
    const answer = await text(socket);
    expect(answer.split("\r\n")[0]).toBe(`HTTP/1.1 ${status}`);
    expect(JSON.parse(answer.slice(answer.indexOf("\r\n\r\n")))).toMatchObject({ details: {} });
  });

  it("may send the first bytes one by one", async () => {
    const socket = connect(server.port, "127.0.0.1");
    socket.setNoDelay(true);
    for (const byte of "POST /healthz HTTP/1.1\r\nhost: x\r\nconnection: close\r\n\r\n") {
      socket.write(byte);
      await new Promise((resolve) => setImmediate(resolve));
    }
    expect(await text(socket)).toContain("405 Method Not Allowed");
  });

  it("are told so when a body is too large, and cannot send on for ever", async () => {
    const declared = await fetch(`${server.url}/v1/events`, {
      method: "POST",
      headers: { ...headers, "content-type": "application/json" },
      body: "x".repeat(200_000),
    });
    expect([declared.status, await declared.json()]).toMatchObject([413, { code: "payload_too_large" }]);

    const socket = connect(server.port, "127.0.0.1").on("error", () => undefined);
    let received = "";
    socket.on("data", (chunk) => {
      received += chunk;
    });
    socket.write(requestHead().replace("content-length: 0", "transfer-encoding: chunked"));
    const sending = setInterval(() => socket.write(`4000\r\n${"x".repeat(0x4000)}\r\n`), 5);
    await until(() => socket.closed);
    clearInterval(sending);
    expect(received).toContain("HTTP/1.1 413");
  });

  it("cannot hold HTTP/2 streams with a body that is too large", async () => {
    const session = connectHttp2(server.url).on("error", () => undefined);
    const stream = session.request({
      ":method": "POST",
      ":path": "/v1/events",
      "content-type": "application/json",
      ...headers,
    });
    stream.on("error", () => undefined);
    stream.write("x".repeat(150_000));
    const [received] = await once(stream, "response");
    expect(received[":status"]).toBe(413);
    stream.resume();
    await until(() => stream.closed);
    session.destroy();
  });
});

function requestHead(length = 0): string {
  return (
    `POST /v1/events HTTP/1.1\r\nhost: x\r\nx-api-key: all\r\nx-tenant-id: ${headers["x-tenant-id"]}\r\n` +
    `content-type: application/json\r\ncontent-length: ${length}\r\n\r\n`
  );
}

function openSockets(): number {
  return process.getActiveResourcesInfo().filter((kind) => kind === "TCPSocketWrap").length;
}
