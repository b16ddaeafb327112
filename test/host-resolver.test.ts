import { createSocket } from "node:dgram";
import { once } from "node:events";
import { writeFile } from "node:fs/promises";
import { join } from "node:path";
import { afterEach, beforeEach, expect, test } from "vitest";
import { createAddressGuard } from "../src/channels/address-guard.ts";
import { loopbackRanges } from "../src/channels/address-rules.ts";
import { createHostResolver } from "../src/channels/resolve-host.ts";
import { createSenders } from "../src/channels/senders.ts";
import { startHttpSink } from "./sinks/http-sink.ts";
import { makeTempDir, removeDir } from "./support/temp-dir.ts";

const closing: (() => unknown)[] = [];
let etc: string;
/** What the name server knows; for "hang" it gives no answer, and other names do not exist. */
const zone = new Map<string, string>();

beforeEach(async () => {
  etc = await makeTempDir();
  closing.push(() => removeDir(etc));
});

afterEach(async () => {
  zone.clear();
  for (const close of closing.splice(0).reverse()) await close();
});

/** A resolver in a network with a name server of its own. */
async function startResolver() {
  const socket = createSocket("udp4");
  socket.on("message", (query, { port, address }) => {
    const answer = answerTo(query);
    if (answer) socket.send(answer, port, address);
  });
  socket.bind(0, "127.0.0.1");
  await once(socket, "listening");
  closing.push(() => socket.close());
  return createHostResolver({ etc, servers: [`127.0.0.1:${socket.address().port}`] });
}

function answerTo(query: Buffer): Buffer | undefined {
  const labels: string[] = [];
  let at = 12;
  for (let length = query[at] ?? 0; length > 0; length = query[at] ?? 0) {
    labels.push(query.toString("latin1", at + 1, at + 1 + length));
    at += 1 + length;
  }
  const known = zone.get(labels.join("."));
  if (known === "hang") return undefined;
  const asksIPv4 = query.readUInt16BE(at + 1) === 1;
  const header = Buffer.from(query.subarray(0, 12));
  header.writeUInt16BE(known === undefined ? 0x8183 : 0x8180, 2);
  header.fill(0, 6);
  if (known === undefined || !asksIPv4) return Buffer.concat([header, query.subarray(12, at + 5)]);
  header.writeUInt16BE(1, 6);
  const record = [0xc0, 12, 0, 1, 0, 1, 0, 0, 0, 0, 0, 4, ...known.split(".").map(Number)];
  return Buffer.concat([header, query.subarray(12, at + 5), Buffer.from(record)]);
}

const write = (file: "hosts" | "resolv.conf", text: string) => writeFile(join(etc, file), text);

test("names whose DNS does not answer delay no send to another name", async () => {
  const sink = await startHttpSink();
  closing.push(sink.close);
  const guard = createAddressGuard({ allow: loopbackRanges, resolve: await startResolver() });
  const senders = createSenders({ timeoutMs: 10_000, guard, snsCredentials: "own" });
  closing.push(senders.close);
  const send = (host: string) => {
    const url = `http://${host}:${new URL(sink.url).port}/`;
    const channel = { id: host, tenantId: "t", type: "generic_webhook", config: { url } } as const;
    const ids = { deliveryId: "d", eventId: "e", tenantId: "t", receivedAt: new Date() };
    return senders.send(
      channel,
      { ...ids, event: { type: "request.break_glass" } },
      new AbortController().signal,
    );
  };
  zone.set("good.example.com", "127.0.0.1");
  const hanging = Array.from({ length: 90 }, (_, n) => `x${n}.example.com`);
  for (const host of hanging) zone.set(host, "hang");
  const failing = Promise.all(hanging.map(send));
  const startedAt = performance.now();
  expect(await send("good.example.com")).toMatchObject({ kind: "delivered" });
  expect(performance.now() - startedAt).toBeLessThan(5_000);
  for (const outcome of await failing) {
    expect(outcome).toMatchObject({ kind: "retry", error: "host name lookup failed" });
  }
});

test("the hosts file goes before DNS, also when it has changed", async () => {
  const resolve = await startResolver();
  zone.set("hooks.example.com", "192.0.2.1");
  expect(await resolve("hooks.example.com")).toEqual([{ address: "192.0.2.1", family: 4 }]);
  await write(
    "hosts",
    "10.0.0.1 other # hooks.example.com\n10.0.0.2\tinside Hooks.example.com\n::1 inside\n",
  );
  expect(await resolve("HOOKS.example.com")).toEqual([{ address: "10.0.0.2", family: 4 }]);
  expect(await resolve("inside")).toEqual([
    { address: "10.0.0.2", family: 4 },
    { address: "::1", family: 6 },
  ]);
});

test("search domains are tried first for a name with fewer dots than ndots, and last for others", async () => {
  const resolve = await startResolver();
  zone.set("hooks.team", "192.0.2.1");
  zone.set("hooks.team.svc.cluster.local", "10.0.0.1");
  zone.set("a.b.c.d.e.f", "192.0.2.2");
  zone.set("a.b.c.d.e.f.svc.cluster.local", "10.0.0.2");
  const addressOf = async (host: string) => (await resolve(host))[0]?.address;
  await write("resolv.conf", "search ns.svc.cluster.local svc.cluster.local. \noptions edns0 ndots:5\n");
  expect(await addressOf("hooks.team")).toBe("10.0.0.1");
  expect(await addressOf("hooks.team.")).toBe("192.0.2.1");
  expect(await addressOf("a.b.c.d.e.f")).toBe("192.0.2.2");
  zone.delete("a.b.c.d.e.f");
  expect(await addressOf("a.b.c.d.e.f")).toBe("10.0.0.2");
});

test("the system is asked for what neither knows", async () => {
  const resolve = await startResolver();
  // As the C library reads it; in DNS there is no such name.
  expect(await resolve("127.1")).toEqual([{ address: "127.0.0.1", family: 4 }]);
});
