import { connect } from "node:http2";
import type { Api } from "../e2e/api.ts";
import type { Exchange } from "./exchange.ts";

/** The two streaming methods, by Connect with JSON over HTTP/2, as lists of messages. */
export async function showStreams(
  url: string,
  headers: Record<string, string>,
  api: Api,
  sinkUrl: string,
): Promise<[string, Exchange][]> {
  const service = "/jitsudo.notifications.v1";
  const events = [{ events: [{ type: "request.approved", request_id: "streamed" }, { type: "nonsense" }] }];
  const ingested = await stream(url, `${service}.EventIngestService/StreamEvents`, headers, events, 2);
  // A change to be told of: the stream is open once the cursor has come.
  const webhook = await api.createWebhook(`${sinkUrl}/watched`, { event_filters: ["request.denied"] });
  const filter = [{ channel_id: webhook.id, state: "delivered" }];
  const watched = await stream(url, `${service}.DeliveryService/WatchDeliveries`, headers, filter, 2, () =>
    api.ingest({ type: "request.denied", request_id: "watched" }),
  );
  return [
    ["StreamEvents", { ...ingested, case: "one accepted, one rejected, and the end of the stream" }],
    ["WatchDeliveries", { ...watched, case: "the cursor, then a change" }],
  ];
}

/** Sends the messages, reads `count` messages and closes. `onFirst` runs when the first has come. */
function stream(
  url: string,
  path: string,
  headers: Record<string, string>,
  messages: object[],
  count: number,
  onFirst: () => unknown = () => undefined,
): Promise<Exchange> {
  const session = connect(url);
  return new Promise((resolve, reject) => {
    const type = "application/connect+json";
    const call = session.request({ ":method": "POST", ":path": path, "content-type": type, ...headers });
    let status = 0;
    let bytes = Buffer.alloc(0);
    const received: unknown[] = [];
    session.on("error", reject);
    call.on("error", reject);
    call.on("response", (response) => {
      status = Number(response[":status"]);
    });
    call.on("data", (chunk: Buffer) => {
      bytes = Buffer.concat([bytes, chunk]);
      while (bytes.length >= 5 && bytes.length >= 5 + bytes.readUInt32BE(1)) {
        const end = 5 + bytes.readUInt32BE(1);
        const message = JSON.parse(bytes.subarray(5, end).toString("utf8")) as object;
        bytes = bytes.subarray(end);
        // A watch may tell its cursor alone as often as it likes.
        if (received.length > 0 && Object.keys(message).join() === "cursor") continue;
        received.push(message);
        if (received.length === 1) onFirst();
      }
      if (received.length < count) return;
      session.destroy();
      resolve({
        case: "",
        request: { method: "POST", path, body: messages },
        response: { status, headers: { "content-type": type }, body: received },
      });
    });
    call.on("end", () => {
      if (received.length < count)
        reject(new Error(`The stream ended with status ${status} after ${received.length}`));
    });
    for (const message of messages) call.write(envelope(message));
    // A watch has its one request; an ingest of events ends when its requests do.
    call.end();
  });
}

/** A message of a Connect stream: flags, length, JSON. */
function envelope(message: object): Buffer {
  const json = Buffer.from(JSON.stringify(message));
  const head = Buffer.alloc(5);
  head.writeUInt32BE(json.length, 1);
  return Buffer.concat([head, json]);
}
