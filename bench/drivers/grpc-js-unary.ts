import { EventIngestService } from "../../gen/jitsudo/notifications/v1/event_pb.js";
import { createGrpcJsClient, credentials } from "../../src/clients/grpc-js.ts";
import { type Driver, option } from "./driver.ts";
import { checkAccepted, messageOf } from "./message.ts";

/** Unary gRPC calls of the grpc-js client; several events go in one IngestEvents call. */
export async function open(options: Record<string, string>): Promise<Driver> {
  const client = createGrpcJsClient(
    EventIngestService,
    new URL(option(options, "url")).host,
    credentials.createInsecure(),
    { apiKey: option(options, "apiKey"), tenantId: option(options, "tenantId"), deadlineMs: 60_000 },
  );
  return {
    async send(events) {
      const [first] = events;
      if (events.length === 1 && first) await client.ingestEvent(messageOf(first));
      else checkAccepted((await client.ingestEvents({ events: events.map(messageOf) })).results);
    },
    close: async () => client.close(),
  };
}
