import { createNotificationsClient } from "../../src/clients/connect.ts";
import { type Driver, option } from "./driver.ts";
import { checkAccepted, messageOf } from "./message.ts";

/** Unary gRPC calls of the Connect client; several events go in one IngestEvents call. */
export async function open(options: Record<string, string>): Promise<Driver> {
  const client = createNotificationsClient({
    baseUrl: option(options, "url"),
    apiKey: option(options, "apiKey"),
    tenantId: option(options, "tenantId"),
    timeoutMs: 60_000,
  });
  return {
    async send(events) {
      const [first] = events;
      if (events.length === 1 && first) await client.events.ingestEvent(messageOf(first));
      else checkAccepted((await client.events.ingestEvents({ events: events.map(messageOf) })).results);
    },
    close: async () => client.close(),
  };
}
