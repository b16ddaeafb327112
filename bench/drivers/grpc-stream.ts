import {
  EventIngestService,
  type StreamEventsResponse,
} from "../../gen/jitsudo/notifications/v1/event_pb.js";
import { createGrpcJsClient, credentials } from "../../src/clients/grpc-js.ts";
import type { BenchEvent } from "../event.ts";
import { type Driver, option } from "./driver.ts";
import { checkAccepted, messageOf } from "./message.ts";

/** Open streams on one connection, each with one request under way, since a stream answers in order. */
export async function open(options: Record<string, string>, calls: number): Promise<Driver> {
  const client = createGrpcJsClient(
    EventIngestService,
    new URL(option(options, "url")).host,
    credentials.createInsecure(),
    { apiKey: option(options, "apiKey"), tenantId: option(options, "tenantId") },
  );
  const free = Array.from({ length: calls }, () => openStream(client.streamEvents));
  const all = [...free];
  return {
    async send(events) {
      // At a given rate more calls may be under way than there are streams.
      const stream = free.pop() ?? all[Math.floor(Math.random() * all.length)];
      if (!stream) throw new Error("There is no stream");
      await stream.send(events);
      if (!free.includes(stream)) free.push(stream);
    },
    async close() {
      await Promise.all(all.map((stream) => stream.close()));
      client.close();
    },
  };
}

interface Request {
  events: ReturnType<typeof messageOf>[];
}

function openStream(begin: (requests: AsyncIterable<Request>) => AsyncIterable<StreamEventsResponse>) {
  const requests: (Request | undefined)[] = [];
  const waiting: PromiseWithResolvers<StreamEventsResponse>[] = [];
  let more = () => {};

  async function* outgoing(): AsyncGenerator<Request> {
    for (;;) {
      if (requests.length === 0) {
        await new Promise<void>((resolve) => {
          more = resolve;
        });
      }
      const request = requests.shift();
      if (!request) return;
      yield request;
    }
  }

  let ended: unknown;
  const done = (async () => {
    try {
      for await (const response of begin(outgoing())) waiting.shift()?.resolve(response);
      ended = new Error("The stream has ended");
    } catch (error) {
      ended = error;
    }
    for (const { reject } of waiting) reject(ended);
  })();

  return {
    async send(events: BenchEvent[]): Promise<void> {
      if (ended !== undefined) throw ended;
      const answer = Promise.withResolvers<StreamEventsResponse>();
      waiting.push(answer);
      requests.push({ events: events.map(messageOf) });
      more();
      checkAccepted((await answer.promise).results);
    },
    close(): Promise<void> {
      requests.push(undefined);
      more();
      return done;
    },
  };
}
