import { Code, ConnectError, createClient } from "@connectrpc/connect";
import { createConnectTransport, createGrpcTransport } from "@connectrpc/connect-node";
import { afterAll, beforeAll, describe, expect, inject, it } from "vitest";
import { DeliveryService } from "../../gen/jitsudo/notifications/v1/delivery_pb.js";
import { EventIngestService } from "../../gen/jitsudo/notifications/v1/event_pb.js";
import type { Service } from "../support/service.ts";
import { until } from "../support/until.ts";
import { type Key, openRig, type Rig } from "./rig.ts";

let rig: Rig;
let tenant: string;
let service: Service;
beforeAll(async () => {
  rig = await openRig(inject("postgresUrl"), { JITSUDO_ROLE: "api" });
  tenant = await rig.createTenant("streams");
  service = await rig.start();
});
afterAll(() => rig.close());

const transports = { connect: createConnectTransport, grpc: createGrpcTransport };

/** A connection of its own. */
const transport = (protocol: keyof typeof transports) =>
  transports[protocol]({ baseUrl: service.url, httpVersion: "2" });

/** What a stream has answered so far, and how it ended. */
interface Reader {
  answers: number;
  failure?: ConnectError;
}

function read(stream: AsyncIterable<unknown>): Reader {
  const reader: Reader = { answers: 0 };
  void (async () => {
    try {
      for await (const _ of stream) reader.answers++;
    } catch (error) {
      reader.failure = ConnectError.from(error);
    }
  })();
  return reader;
}

describe("a stream", () => {
  const headers = ({ apiKey }: Key) => ({ "x-api-key": apiKey, "x-tenant-id": tenant });

  async function* events(signal: AbortSignal) {
    while (!signal.aborted) {
      yield { events: [{ type: "grant.active" }] };
      await new Promise((resolve) => setTimeout(resolve, 100));
    }
  }

  describe.each(["connect", "grpc"] as const)("over %s", (protocol) => {
    it("ends within seconds once its key is revoked, and those of other keys go on", async () => {
      const [key, other] = [await rig.createKey(tenant), await rig.createKey(tenant)];
      const stop = new AbortController();
      const { signal } = stop;
      const streamsOf = (key: Key) => [
        read(
          createClient(DeliveryService, transport(protocol)).watchDeliveries(
            {},
            { headers: headers(key), signal },
          ),
        ),
        read(
          createClient(EventIngestService, transport(protocol)).streamEvents(events(signal), {
            headers: headers(key),
            signal,
          }),
        ),
      ];
      const [ours, theirs] = [streamsOf(key), streamsOf(other)];
      await until(() => [...ours, ...theirs].every(({ answers }) => answers > 0));

      await rig.operator.run("keys revoke", { id: key.id });
      const revokedAt = performance.now();
      await until(() => ours.every(({ failure }) => failure));
      expect(performance.now() - revokedAt).toBeLessThan(5_000);
      for (const { failure } of ours) {
        expect(failure).toMatchObject({
          code: Code.Unauthenticated,
          rawMessage: "the key in X-API-Key was revoked or has expired",
        });
      }
      expect(theirs.map(({ failure }) => failure)).toEqual([undefined, undefined]);
      stop.abort();
    });

    it("ends when its key does", async () => {
      const expiresAt = new Date(Date.now() + 2_500);
      const key = await rig.createKey(tenant, { expiresAt: expiresAt.toISOString() });
      const { watchDeliveries } = createClient(DeliveryService, transport(protocol));
      const watching = read(watchDeliveries({}, { headers: headers(key) }));
      await until(() => watching.failure);
      expect(watching).toMatchObject({ answers: 1, failure: { code: Code.Unauthenticated } });
      expect(Date.now()).toBeGreaterThanOrEqual(expiresAt.getTime());
      expect(Date.now()).toBeLessThan(expiresAt.getTime() + 2_500);
    });
  });
});
