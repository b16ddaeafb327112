import { afterAll, beforeAll, describe, expect, test } from "vitest";
import * as connect from "../../src/clients/connect.ts";
import * as grpcJs from "../../src/clients/grpc-js.ts";
import { type HttpSink, startHttpSink } from "../sinks/http-sink.ts";
import { until } from "../support/until.ts";
import { type Deployment, deploy, type Tenant } from "./deployment.ts";
import { backends } from "./home.ts";

// The same calls by every client that users have: grpc-js, Connect's in two protocols.

const nil = "00000000-0000-4000-8000-000000000000";

describe.each(backends)("%s", (backend) => {
  let deployment: Deployment;
  let sink: HttpSink;

  beforeAll(async () => {
    sink = await startHttpSink();
    deployment = await deploy(backend);
  });

  afterAll(async () => {
    await deployment?.close();
    await sink.close();
  });

  function makeClients(kind: "grpc-js" | "grpc" | "connect", { id, apiKey }: Pick<Tenant, "id" | "apiKey">) {
    const identity = { apiKey, tenantId: id };
    if (kind !== "grpc-js") {
      return connect.createNotificationsClient({
        baseUrl: deployment.service.url,
        protocol: kind,
        ...identity,
      });
    }
    const { address } = deployment.service;
    const insecure = grpcJs.credentials.createInsecure();
    const channels = grpcJs.createGrpcJsClient(
      grpcJs.NotificationChannelService,
      address,
      insecure,
      identity,
    );
    const events = grpcJs.createGrpcJsClient(grpcJs.EventIngestService, address, insecure, identity);
    const deliveries = grpcJs.createGrpcJsClient(grpcJs.DeliveryService, address, insecure, identity);
    const close = () => {
      for (const client of [channels, events, deliveries]) client.close();
    };
    return { channels, events, deliveries, close };
  }

  async function failureOf(call: Promise<unknown>) {
    const error = await call.then(
      () => undefined,
      (reason: unknown) => reason,
    );
    if (!(error instanceof connect.ConnectError)) throw new Error("Not a ConnectError", { cause: error });
    return { code: error.code, detail: connect.errorDetailOf(error) };
  }

  describe.each(["grpc-js", "grpc", "connect"] as const)("%s", (kind) => {
    test("manages the four kinds of channel", async () => {
      const tenant = await deployment.newTenant();
      const { channels, close } = makeClients(kind, tenant);
      const made = [
        await channels.createSlackWebhookChannel({
          name: "slack",
          webhookUrl: "https://hooks.slack.com/services/T/B/x",
          eventFilters: ["grant.active"],
        }),
        await channels.createEmailChannel({
          name: "mail",
          smtpHost: "smtp.example.com",
          smtpPort: 587,
          fromAddress: "a@example.com",
          toAddresses: ["b@example.com"],
          smtpUsername: "u",
          smtpPassword: "secret",
        }),
        await channels.createGenericWebhookChannel({
          name: "webhook",
          url: "https://example.com/hook",
          headers: { Authorization: "secret" },
          enabled: false,
        }),
        await channels.createAwsSnsChannel({ name: "sns", topicArn: "arn:aws:sns:us-east-1:123456789012:t" }),
      ];
      expect(made.map(({ channelType, enabled }) => [channelType, enabled])).toEqual([
        ["slack_webhook", true],
        ["email", true],
        ["generic_webhook", false],
        ["aws_sns", true],
      ]);
      expect(JSON.stringify(made.map(({ config }) => config))).not.toMatch(/secret|services/);

      const [slack, email] = made;
      expect(await channels.getChannel({ id: slack?.id ?? "" })).toEqual(slack);
      const first = await channels.listChannels({ pageSize: 3 });
      const second = await channels.listChannels({ pageSize: 3, pageToken: first.nextPageToken });
      expect([...first.channels, ...second.channels]).toEqual(made);
      expect(await channels.listChannels({ channelType: "email" })).toMatchObject({ channels: [email] });

      const id = slack?.id ?? "";
      const renamed = await channels.updateChannel({ id, name: "renamed" });
      expect(renamed).toMatchObject({
        name: "renamed",
        eventFilters: ["grant.active"],
        config: slack?.config,
      });
      // Without a mask an empty list cannot be told from none.
      expect((await channels.updateChannel({ id, eventFilters: [] })).eventFilters).toEqual(["grant.active"]);
      const updateMask = { paths: ["event_filters"] };
      const all = await channels.updateChannel({ id, name: "ignored", eventFilters: [], updateMask });
      expect(all).toMatchObject({ name: "renamed", eventFilters: [] });

      await channels.deleteChannel({ id });
      expect((await failureOf(channels.getChannel({ id }))).code).toBe(connect.Code.NotFound);
      close();
    });

    test("sends events and asks what became of them", async () => {
      const tenant = await deployment.newTenant();
      const { channels, events, deliveries, close } = makeClients(kind, tenant);
      const url = `${sink.url}/${tenant.id}`;
      const channel = await channels.createGenericWebhookChannel({ name: "hook", url });
      const event = {
        type: "grant.active",
        requestId: "1",
        idempotencyKey: "1",
        attributes: { ticket: "INC-1" },
      };
      const one = await events.ingestEvent(event);
      expect(one).toMatchObject({ deliveries: 1, replayed: false });
      expect(await events.ingestEvent(event)).toMatchObject({ id: one.id, replayed: true });

      const batch = await events.ingestEvents({
        events: [{ type: "grant.active", requestId: "2" }, { type: "x" }],
      });
      expect(batch.results.map(({ result }) => result.case)).toEqual(["accepted", "rejected"]);

      async function* requests() {
        for (let number = 3; number < 23; number++) {
          yield { events: [{ type: "grant.active", requestId: `${number}` }] };
        }
      }
      const ids: string[] = [];
      for await (const { results } of events.streamEvents(requests())) {
        for (const { result } of results) if (result.case === "accepted") ids.push(result.value.id);
      }
      expect(ids).toHaveLength(20);

      await until(async () => {
        const done = await deliveries.listDeliveries({ state: "delivered", channelId: channel.id });
        return done.deliveries.length === 22;
      });
      const [listed] = (await deliveries.listDeliveries({ eventId: one.id })).deliveries;
      expect(await deliveries.getDelivery({ id: listed?.id ?? "" })).toMatchObject({
        eventId: one.id,
        state: "delivered",
        attempts: [{ number: 1, outcome: "delivered", statusCode: 200, response: "ok" }],
      });
      const bodies = sink.to(`/${tenant.id}`).map(({ body }) => JSON.parse(body));
      expect(bodies).toHaveLength(22);
      expect(bodies.find(({ id }) => id === one.id)?.data).toEqual({
        request_id: "1",
        attributes: { ticket: "INC-1" },
      });
      close();
    });

    test("is refused with the code and the detail that REST has", async () => {
      const tenant = await deployment.newTenant();
      const other = await deployment.newTenant();
      const reader = await deployment.newKey(tenant.id, ["channels:read"]);
      const { InvalidArgument, Unauthenticated, PermissionDenied, NotFound, AlreadyExists } = connect.Code;
      const clients = {
        valid: makeClients(kind, tenant),
        unknown: makeClients(kind, { id: tenant.id, apiKey: "nonsense" }),
        mismatched: makeClients(kind, { id: other.id, apiKey: tenant.apiKey }),
        noTenant: makeClients(kind, { id: "acme", apiKey: tenant.apiKey }),
        reader: makeClients(kind, reader),
      };
      const { valid } = clients;
      expect(await failureOf(clients.unknown.channels.listChannels({}))).toMatchObject({
        code: Unauthenticated,
        detail: { code: "unauthenticated" },
      });
      expect(await failureOf(clients.mismatched.channels.listChannels({}))).toMatchObject({
        code: PermissionDenied,
        detail: { code: "tenant_mismatch" },
      });
      expect(await failureOf(clients.noTenant.channels.listChannels({}))).toMatchObject({
        code: InvalidArgument,
        detail: { fields: [{ field: "X-Tenant-ID" }] },
      });
      expect(await failureOf(clients.reader.channels.deleteChannel({ id: nil }))).toMatchObject({
        code: PermissionDenied,
        detail: { code: "permission_denied" },
      });
      expect(await failureOf(valid.channels.getChannel({ id: nil }))).toMatchObject({
        code: NotFound,
        detail: { code: "not_found" },
      });
      expect(
        await failureOf(valid.channels.createEmailChannel({ name: "a", smtpPort: 70_000 })),
      ).toMatchObject({
        code: InvalidArgument,
        detail: {
          code: "invalid_argument",
          fields: [
            { field: "smtp_host" },
            { field: "smtp_port", message: "must be from 1 to 65535" },
            { field: "from_address" },
            { field: "to_addresses" },
          ],
        },
      });
      await valid.events.ingestEvent({ type: "grant.active", idempotencyKey: "k" });
      expect(
        await failureOf(valid.events.ingestEvent({ type: "grant.expired", idempotencyKey: "k" })),
      ).toMatchObject({
        code: AlreadyExists,
        detail: { code: "already_exists", fields: [{ field: "idempotency_key" }] },
      });
      for (const client of Object.values(clients)) client.close();
    });
  });
});
