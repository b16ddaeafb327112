import { resolve } from "node:path";
import { afterAll, beforeAll, describe, expect, test } from "vitest";
import { type HttpSink, startHttpSink } from "../sinks/http-sink.ts";
import { startChild } from "../support/child.ts";
import { until } from "../support/until.ts";
import { type Deployment, deploy, type Tenant } from "./deployment.ts";
import { backends } from "./home.ts";

// buf curl as users call it: it finds the methods by reflection, and needs no flag for that.

const root = resolve(import.meta.dirname, "../..");

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

  describe.each(["connect", "grpc", "grpcweb"])("buf curl --protocol %s", (protocol) => {
    async function bufCurl(tenant: Tenant, method: string, data: object) {
      const url = `${deployment.service.url}/jitsudo.notifications.v1.${method}`;
      const headers = ["-H", `X-API-Key: ${tenant.apiKey}`, "-H", `X-Tenant-ID: ${tenant.id}`];
      // Connect is its default; reflection needs no flag.
      const chosen = protocol === "connect" ? [] : ["--protocol", protocol];
      const args = ["curl", ...chosen, ...headers, "-d", JSON.stringify(data), url];
      const child = await startChild(`${root}/node_modules/.bin/buf`, args, { cwd: "/" });
      const exit = await child.waitForExit();
      return { exit, stdout: child.stdout(), stderr: child.stderr() };
    }

    test("finds the methods by reflection and calls them", async () => {
      const tenant = await deployment.newTenant();
      const create = (kind: string, body: object) =>
        bufCurl(tenant, `NotificationChannelService/Create${kind}Channel`, body);
      const made = await Promise.all([
        create("SlackWebhook", { name: "slack", webhook_url: `${sink.url}/slack-${tenant.id}` }),
        create("Email", {
          name: "mail",
          smtp_host: "127.0.0.1",
          smtp_port: 1,
          from_address: "a@example.com",
          to_addresses: ["b@example.com"],
          event_filters: ["grant.expired"],
        }),
        create("GenericWebhook", { name: "hook", url: `${sink.url}/${tenant.id}`, headers: { "X-A": "b" } }),
        create("AwsSns", { name: "sns", topic_arn: "arn:aws:sns:us-east-1:123456789012:t", enabled: false }),
      ]);
      for (const { exit, stderr } of made) expect({ exit, stderr }).toEqual({ exit: 0, stderr: "" });
      expect(made.map(({ stdout }) => JSON.parse(stdout).channelType)).toEqual([
        "slack_webhook",
        "email",
        "generic_webhook",
        "aws_sns",
      ]);
      const event = { type: "grant.active", attributes: { by: protocol } };
      const ingested = await bufCurl(tenant, "EventIngestService/IngestEvent", event);
      expect(JSON.parse(ingested.stdout)).toMatchObject({ deliveries: 2 });
      await until(() => sink.to(`/${tenant.id}`).length === 1 && sink.to(`/slack-${tenant.id}`).length === 1);

      const refused = await create("SlackWebhook", { name: "slack", webhook_url: "nonsense" });
      expect(refused.exit).not.toBe(0);
      expect(JSON.parse(refused.stderr)).toMatchObject({
        code: "invalid_argument",
        details: [{ type: "jitsudo.notifications.v1.ErrorDetail" }],
      });
      if (protocol === "grpcweb") return;
      const streamed = await bufCurl(tenant, "EventIngestService/StreamEvents", {
        events: [{ ...event, reason: "streamed" }],
      });
      expect(JSON.parse(streamed.stdout)).toMatchObject({ results: [{ accepted: { deliveries: 2 } }] });
    });
  });
});
