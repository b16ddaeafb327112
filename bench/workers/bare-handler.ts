import { createServer } from "node:http2";
import { connectNodeAdapter } from "@connectrpc/connect-node";
import { EventIngestService } from "../../gen/jitsudo/notifications/v1/event_pb.js";
import { servePeer } from "../peer.ts";

export type BareHandlerMethods = {
  /** Answers the port. */
  listen(_: undefined): Promise<number>;
};

const accepted = { result: { case: "accepted" as const, value: { id: "0", deliveries: 1 } } };

/** The ingest service on Connect's own server, where every handler answers at once and does nothing. */
const server = createServer(
  connectNodeAdapter({
    routes: (router) =>
      router.service(EventIngestService, {
        ingestEvent: () => accepted.result.value,
        ingestEvents: ({ events }) => ({ results: events.map(() => accepted) }),
        async *streamEvents(requests) {
          for await (const { events } of requests) yield { results: events.map(() => accepted) };
        },
      }),
  }),
);

servePeer<BareHandlerMethods>({
  listen: () =>
    new Promise((resolve) => {
      server.listen(0, "127.0.0.1", () => {
        const address = server.address();
        resolve(typeof address === "object" && address ? address.port : 0);
      });
    }),
});
