import { once } from "node:events";
import { connect as connectHttp2, type IncomingHttpHeaders } from "node:http2";
import { afterAll, beforeAll, expect, inject, test } from "vitest";
import type { Service } from "../support/service.ts";
import { type Key, openRig, type Rig } from "./rig.ts";

const path = "/jitsudo.notifications.v1.EventIngestService/IngestEvent";

let rig: Rig;
let service: Service;
let headers: Record<string, string>;

beforeAll(async () => {
  rig = await openRig(inject("postgresUrl"));
  const tenant = await rig.createTenant("errors");
  const key: Key = await rig.createKey(tenant);
  service = await rig.start();
  headers = { "x-api-key": key.apiKey, "x-tenant-id": tenant };
});

afterAll(async () => {
  expect(service.stderr()).not.toContain('"level":50');
  await rig.close();
});

/** One message of gRPC with JSON; answers the headers, which are the trailers too when there is an error alone. */
async function callGrpcJson(json: string): Promise<IncomingHttpHeaders> {
  const session = connectHttp2(service.url);
  try {
    const stream = session.request({
      ...headers,
      ":method": "POST",
      ":path": path,
      "content-type": "application/grpc+json",
      te: "trailers",
    });
    const head = Buffer.alloc(5);
    head.writeUInt32BE(Buffer.byteLength(json), 1);
    stream.end(Buffer.concat([head, Buffer.from(json)]));
    stream.resume();
    const [answer] = (await once(stream, "response")) as [IncomingHttpHeaders];
    return answer;
  } finally {
    session.destroy();
  }
}

test("an error that quotes half a surrogate pair reaches a gRPC client", async () => {
  for (const json of ['{"\\ud800x":1}', '{"type":"grant.active","attributes":{"a":"\\udc00"}}']) {
    expect(await callGrpcJson(json)).toMatchObject({ "grpc-status": "3" });
  }
});

test.each(["gzip", "br"])(
  "a body that is no %s, though its header says so, is the sender's mistake",
  async (encoding) => {
    const response = await fetch(service.url + path, {
      method: "POST",
      headers: { ...headers, "content-type": "application/json", "content-encoding": encoding },
      body: "neither compressed nor anything else",
    });
    expect([response.status, await response.json()]).toMatchObject([400, { code: "invalid_argument" }]);
  },
);
