import { afterAll, beforeAll, describe, expect, test } from "vitest";
import { type Deployment, deploy, type Tenant } from "../e2e/deployment.ts";
import { backends } from "../e2e/home.ts";
import { type HttpSink, startHttpSink } from "../sinks/http-sink.ts";
import { until } from "../support/until.ts";

interface ChannelJson {
  enabled: boolean;
  disabled_reason: string;
  disabled_at?: string;
  health: { consecutive_failures: number; failing_since?: string };
}

describe.each(backends)("%s", (backend) => {
  let deployment: Deployment;
  let sink: HttpSink;
  let tenant: Tenant;

  beforeAll(async () => {
    sink = await startHttpSink();
    deployment = await deploy(backend, {
      JITSUDO_AUTO_DISABLE_FAILURES: "4",
      JITSUDO_AUTO_DISABLE_AFTER_MS: "300",
    });
    tenant = await deployment.newTenant();
  });

  afterAll(async () => {
    await deployment?.close();
    await sink.close();
  });

  const channelOf = async (id: string) =>
    (await tenant.api.send<ChannelJson>("GET", `/v1/notification-channels/${id}`)).body;

  test("a channel that keeps failing is disabled, its tenant is told once, and it can be enabled again", async () => {
    sink.respond("/broken", { status: 410 });
    await tenant.api.createWebhook(`${sink.url}/all`);
    await tenant.api.createWebhook(`${sink.url}/named`, { event_filters: ["channel.disabled"] });
    await tenant.api.createWebhook(`${sink.url}/others`, { event_filters: ["grant.revoked"] });
    const broken = await tenant.api.createWebhook(`${sink.url}/broken`, {
      name: "old hook",
      event_filters: ["grant.active"],
    });
    const fail = async (n: number) => {
      const { id } = await tenant.api.ingest({ type: "grant.active", grant_id: `g${n}` });
      await tenant.api.settled(id);
    };
    // Three are not enough, for however long.
    for (const n of [1, 2, 3]) await fail(n);
    await until(async () => {
      const { failing_since } = (await channelOf(broken.id)).health;
      return failing_since && Date.now() - Date.parse(failing_since) > 800;
    });
    expect(await channelOf(broken.id)).toMatchObject({ enabled: true, disabled_reason: "" });
    await fail(4);
    await until(async () => !(await channelOf(broken.id)).enabled);
    expect(await channelOf(broken.id)).toMatchObject({
      disabled_reason: expect.stringMatching(/^4 attempts in a row have failed since .* HTTP 410$/),
      disabled_at: expect.any(String),
    });

    const notices = (path: string) =>
      sink
        .to(path)
        .map(({ body }) => JSON.parse(body))
        .filter(({ type }) => type === "channel.disabled");
    await until(() => notices("/all").length > 0 && notices("/named").length > 0);
    expect(notices("/all")[0]).toMatchObject({
      severity: "warning",
      data: {
        resource_id: "old hook",
        attributes: { channel_id: broken.id, channel_name: "old hook", channel_type: "generic_webhook" },
      },
    });
    expect(["/all", "/named", "/others", "/broken"].map((path) => notices(path).length)).toEqual([
      1, 1, 0, 0,
    ]);
    const audit = await tenant.api.send<{ audit_events: object[] }>(
      "GET",
      `/v1/audit-events?resource_id=${broken.id}`,
    );
    expect(audit.body.audit_events[0]).toMatchObject({ action: "disabled", actor_type: "service" });

    sink.respond("/broken", { status: 200 });
    await tenant.api.updateChannel(broken.id, { enabled: true });
    expect(await channelOf(broken.id)).toMatchObject({
      enabled: true,
      disabled_reason: "",
      health: { consecutive_failures: 0 },
    });
    expect((await channelOf(broken.id)).disabled_at).toBeUndefined();
    await fail(5);
    expect((await tenant.api.deliveries({ channel_id: broken.id }))[0]).toMatchObject({ state: "delivered" });
  });

  test("nobody can send the service's own event", async () => {
    const { status } = await tenant.api.send("POST", "/v1/events", { type: "channel.disabled" });
    expect(status).toBe(400);
  });
});
