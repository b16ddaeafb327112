import { Webhook } from "standardwebhooks";
import { afterAll, beforeAll, describe, expect, test } from "vitest";
import { type HttpSink, startHttpSink } from "../sinks/http-sink.ts";
import { type SmtpSink, startSmtpSink } from "../sinks/smtp-sink.ts";
import type { Api, ChannelJson, ErrorJson } from "./api.ts";
import { type Deployment, deploy } from "./deployment.ts";
import { backends } from "./home.ts";

// Channels over REST. The four create calls as users send them: test/contract/create-calls.test.ts.

describe.each(backends)("%s", (backend) => {
  let deployment: Deployment;
  let sink: HttpSink;
  let smtp: SmtpSink;

  beforeAll(async () => {
    sink = await startHttpSink();
    smtp = await startSmtpSink({ auth: { username: "jitsudo", password: "hunter2" } });
    deployment = await deploy(backend, { JITSUDO_CHANNELS_PER_TENANT: "30" });
  });

  afterAll(async () => {
    await deployment?.close();
    await smtp.close();
    await sink.close();
  });

  test("takes camelCase and answers in snake_case", async () => {
    const { api } = await deployment.newTenant();
    const channel = await api.createChannel("email", {
      name: "mail",
      smtpHost: "127.0.0.1",
      smtpPort: 25,
      fromAddress: "a@example.com",
      toAddresses: ["b@example.com"],
      eventFilters: ["grant.revoked"],
    });
    expect(channel).toMatchObject({
      config: { smtp_host: "127.0.0.1", smtp_port: 25, from_address: "a@example.com" },
      event_filters: ["grant.revoked"],
    });
    const changed = await api.updateChannel(channel.id, { eventFilters: ["grant.active"] });
    expect(changed.event_filters).toEqual(["grant.active"]);
  });

  test("lists page by page, oldest first, and by type", async () => {
    const { api } = await deployment.newTenant();
    const ids: string[] = [];
    for (const number of [1, 2, 3, 4, 5]) {
      const channel =
        number === 3
          ? await api.createChannel("slack-webhook", { name: "slack", webhook_url: `${sink.url}/slack` })
          : await api.createWebhook(`${sink.url}/list`, { name: `webhook ${number}` });
      ids.push(channel.id);
    }
    const page = async (query: string) => {
      const { status, body } = await api.send<{ channels: ChannelJson[]; next_page_token: string }>(
        "GET",
        `/v1/notification-channels?${query}`,
      );
      expect(status).toBe(200);
      return { ids: body.channels.map(({ id }) => id), next: body.next_page_token };
    };

    const first = await page("page_size=2");
    expect(first.ids).toEqual(ids.slice(0, 2));
    const second = await page(`page_size=2&page_token=${first.next}`);
    expect(second.ids).toEqual(ids.slice(2, 4));
    const third = await page(`pageSize=2&pageToken=${second.next}`);
    expect(third).toEqual({ ids: ids.slice(4), next: "" });
    // A page that is exactly full is the last one too.
    expect((await page("page_size=5")).next).toBe("");

    expect((await page("channel_type=slack_webhook")).ids).toEqual([ids[2]]);
    expect((await page("channel_type=aws_sns")).ids).toEqual([]);
    const webhooks = await page("channel_type=generic_webhook&page_size=3");
    expect(webhooks.ids).toEqual([ids[0], ids[1], ids[3]]);
    expect((await page(`channel_type=generic_webhook&page_token=${webhooks.next}`)).ids).toEqual([ids[4]]);
  });

  test("an update replaces what it names and keeps the rest", async () => {
    const { api } = await deployment.newTenant();
    const channel = await api.createWebhook(`${sink.url}/kept`, {
      name: "before",
      event_filters: ["grant.active", "grant.expired"],
      headers: { "X-One": "1", "X-Two": "2" },
    });
    expect(await api.updateChannel(channel.id, {})).toMatchObject({
      ...channel,
      updated_at: expect.any(String),
    });

    const renamed = await api.updateChannel(channel.id, { name: "after" });
    expect(renamed).toEqual({ ...channel, name: "after", updated_at: renamed.updated_at });
    expect(Date.parse(renamed.updated_at)).toBeGreaterThan(Date.parse(channel.updated_at));

    const disabled = await api.updateChannel(channel.id, { enabled: false });
    expect(disabled).toEqual({ ...renamed, enabled: false, updated_at: disabled.updated_at });
    expect(await api.channel(channel.id)).toEqual(disabled);

    const all = await api.updateChannel(channel.id, { event_filters: [], enabled: true });
    expect(all).toMatchObject({ event_filters: [], enabled: true, name: "after", config: channel.config });

    // The config is replaced as a whole: what is left out is gone.
    const replaced = await api.updateChannel(channel.id, { config: { url: `${sink.url}/replaced` } });
    expect(replaced.config).toEqual({ url: `${sink.url}/********` });
    await api.deliverOne({ type: "grant.revoked", request_id: "replaced" });
    const [request] = sink.to("/replaced");
    expect(request?.headers).not.toHaveProperty("x-one");
    expect(sink.to("/kept")).toEqual([]);
  });

  test("a tenant has no more than the service allows, and one for each that is deleted", async () => {
    const { api } = await deployment.newTenant();
    const first = await api.createWebhook(`${sink.url}/first`);
    const body = { name: "one more", url: `${sink.url}/more` };
    const create = () => api.send("POST", "/v1/notification-channels/generic-webhook", body);
    const atOnce = await Promise.all(Array.from({ length: 60 }, create));
    expect(atOnce.filter(({ status }) => status === 201)).toHaveLength(29);
    expect(await create()).toMatchObject({
      status: 429,
      body: {
        code: "resource_exhausted",
        message: "the tenant has 30 channels and may not have more",
      },
    });
    await api.deleteChannel(first.id);
    expect((await create()).status).toBe(201);
  });

  test("of many that ask for a name of their own at once one gets it, and it is free again after it", async () => {
    const { api } = await deployment.newTenant();
    const other = await deployment.newTenant();
    const body = { name: "only one", url: `${sink.url}/only`, unique_name: true };
    const create = (type = "generic-webhook", more = {}) =>
      api.send<{ id: string }>("POST", `/v1/notification-channels/${type}`, { ...body, ...more });
    const atOnce = await Promise.all(Array.from({ length: 20 }, () => create()));
    const made = atOnce.filter(({ status }) => status === 201);
    expect(made).toHaveLength(1);
    const message = 'the tenant has a channel "only one" already';
    expect(atOnce.find(({ status }) => status !== 201)).toMatchObject({
      status: 409,
      body: { code: "already_exists", message, details: { fields: [{ field: "name", message }] } },
    });
    const topic_arn = "arn:aws:sns:us-east-1:123456789012:access-events";
    const { status } = await api.send("POST", "/v1/notification-channels/aws-sns", {
      name: body.name,
      topic_arn,
      unique_name: true,
    });
    expect(status).toBe(409);
    const theirs = await other.api.send("POST", "/v1/notification-channels/generic-webhook", body);
    expect(theirs.status).toBe(201);
    // Who does not ask for it may have the name as well.
    const twin = await create("generic-webhook", { unique_name: false });
    expect(twin.status).toBe(201);
    for (const { body } of [...made, twin]) await api.deleteChannel(body.id);
    const again = await create();
    expect(again.status).toBe(201);
    expect(
      await api.send("PUT", `/v1/notification-channels/${again.body.id}`, {
        config: { url: body.url, unique_name: true },
      }),
    ).toMatchObject({
      status: 400,
      body: { details: { fields: [{ field: "config.unique_name", message: "unknown field" }] } },
    });
  });

  const createMail = (api: Api, more: object = {}) =>
    api.createChannel("email", {
      name: "mail",
      smtp_host: smtp.host,
      smtp_port: smtp.port,
      from_address: "jitsudo@example.com",
      to_addresses: ["a@example.com"],
      smtp_username: "jitsudo",
      smtp_password: "hunter2",
      ...more,
    });

  test("a mask that is sent back keeps the secret", async () => {
    const { api } = await deployment.newTenant();
    const secret = `whsec_${Buffer.from("a key of twenty-four bytes").toString("base64")}`;
    const { id } = await api.createWebhook(`${sink.url}/masked?token=1`, {
      headers: { Authorization: "Bearer secret", "X-Plain": "old" },
      signing_secret: secret,
    });
    const { config } = await api.channel(id);
    await api.updateChannel(id, {
      config: { ...config, headers: { Authorization: "********", "X-Plain": "new" } },
    });
    await api.deliverOne({ type: "grant.active", request_id: "masked" });
    const [request] = sink.to("/masked");
    expect(request?.headers).toMatchObject({ authorization: "Bearer secret", "x-plain": "new" });
    expect(() =>
      new Webhook(secret).verify(request?.body ?? "", { ...request?.headers } as never),
    ).not.toThrow();

    const mail = await createMail(api, { event_filters: ["grant.expired"] });
    await api.updateChannel(mail.id, { config: { ...mail.config, to_addresses: ["b@example.com"] } });
    const { id: eventId } = await api.ingest({ type: "grant.expired", request_id: "masked" });
    const states = (await api.settled(eventId)).map(({ state }) => state);
    expect(states).toEqual(["delivered", "delivered"]);
    expect(smtp.mails.at(-1)).toMatchObject({ username: "jitsudo", envelope: { to: ["b@example.com"] } });
  });

  test("a mask keeps no secret for another server, and is no secret itself", async () => {
    const { api } = await deployment.newTenant();
    const { id, config } = await api.createWebhook(`${sink.url}/given`, {
      headers: { Authorization: "Bearer secret" },
      signing_secret: "a secret of the webhook's",
    });
    const refusals = async (channel: string, changed: object) => {
      const path = `/v1/notification-channels/${channel}`;
      const { status, body } = await api.send<ErrorJson>("PUT", path, { config: changed });
      expect(status, JSON.stringify(body)).toBe(400);
      return body.details.fields?.map(({ field }) => field);
    };
    const elsewhere = { ...config, url: "http://127.0.0.1:1/elsewhere" };
    expect(await refusals(id, elsewhere)).toEqual(['config.headers["Authorization"]']);
    expect(await refusals(id, { ...config, url: "http://127.0.0.1:1/********" })).toContain("config.url");
    const more = { ...config, headers: { "X-New": "********" } };
    expect(await refusals(id, more)).toEqual(['config.headers["X-New"]']);
    await api.updateChannel(id, { config: { ...elsewhere, headers: { Authorization: "Bearer new" } } });

    const mail = await createMail(api);
    const otherServer = { ...mail.config, smtp_port: 1 };
    expect(await refusals(mail.id, otherServer)).toEqual(["config.smtp_password"]);

    const created = await api.send<ErrorJson>("POST", "/v1/notification-channels/generic-webhook", {
      name: "masked",
      url: `${sink.url}/masked`,
      signing_secret: "********",
    });
    expect(created).toMatchObject({
      status: 400,
      body: { details: { fields: [{ field: "signing_secret" }] } },
    });
  });

  test("an empty mask is none", async () => {
    const { api } = await deployment.newTenant();
    const { id } = await api.createWebhook(`${sink.url}/mask`);
    const path = `/v1/notification-channels/${id}`;
    expect(await api.send("PUT", path, { name: "new", update_mask: "" })).toMatchObject({
      status: 200,
      body: { name: "new" },
    });
  });

  test("null for what may be left out means its default, when a channel is changed, too", async () => {
    const { api } = await deployment.newTenant();
    const { id } = await api.createWebhook(`${sink.url}/null`);
    const path = `/v1/notification-channels/${id}`;
    expect(await api.send("PUT", path, { enabled: null, ordered: null })).toMatchObject({
      status: 200,
      body: { enabled: true, ordered: true },
    });
  });

  test("a comparison names the fields that an update would change, secrets included", async () => {
    const { api } = await deployment.newTenant();
    const secret = "a secret of the webhook's";
    const config = { url: `${sink.url}/compared?token=1`, headers: { "X-A": "1" }, signing_secret: secret };
    const channel = await api.createWebhook(config.url, {
      ...config,
      name: "same",
      event_filters: ["grant.active"],
    });
    const compare = async (body: object) =>
      (await api.send("POST", `/v1/notification-channels/${channel.id}:compare`, body)).body;

    expect(await compare({})).toEqual({ changed_fields: [] });
    const same = { name: "same", enabled: true, event_filters: ["grant.active"], config };
    expect(await compare(same)).toEqual({ changed_fields: [] });
    // What the server keeps of a rotation is its own affair.
    await api.send("POST", `/v1/notification-channels/${channel.id}/signing-secret:rotate`, {});
    const masked = { ...config, signing_secret: "********" };
    expect(await compare({ config: masked })).toEqual({ changed_fields: [] });
    expect(await compare({ config })).toEqual({ changed_fields: ["config.signing_secret"] });
    expect(
      await compare({ config: { ...masked, headers: { "X-A": "2" } }, event_filters: [], enabled: false }),
    ).toEqual({ changed_fields: ["config.headers", "enabled", "event_filters"] });
    const refused = await compare({ config: { url: "nonsense" } });
    expect(refused).toMatchObject({
      code: "invalid_argument",
      details: { fields: [{ field: "config.url" }] },
    });
    expect(await api.channel(channel.id)).toMatchObject({
      name: "same",
      enabled: true,
      config: channel.config,
    });
  });

  test("an update cannot change the type, nor what the type does not have", async () => {
    const { api } = await deployment.newTenant();
    const channel = await api.createWebhook(`${sink.url}/typed`);
    const refused = async (body: object) => {
      const reply = await api.send<ErrorJson>("PUT", `/v1/notification-channels/${channel.id}`, body);
      expect(reply).toMatchObject({ status: 400, body: { code: "invalid_argument" } });
      return reply.body.details.fields;
    };
    expect(await refused({ channel_type: "email" })).toEqual([
      { field: "channel_type", message: "unknown field" },
    ]);
    expect(await refused({ config: { url: `${sink.url}/x`, smtp_host: "a", nonsense: 1 } })).toEqual([
      { field: "config.smtp_host", message: "unknown field" },
      { field: "config.nonsense", message: "unknown field" },
    ]);
    expect(await refused({ config: { url: "ftp://example.com" }, name: "" })).toEqual([
      { field: "name", message: expect.stringContaining("1 to 200 characters") },
      { field: "config.url", message: expect.stringContaining("http or https URL") },
    ]);
    expect(await refused({ config: {} })).toMatchObject([{ field: "config.url" }]);
    expect(await refused({ event_filters: ["grant.active", "grant.nonsense"] })).toMatchObject([
      { field: "event_filters[1]" },
    ]);
    expect(await refused({ config: { url: `${sink.url}/x`, headers: { "X-A": 1 } } })).toMatchObject([
      { field: 'config.headers["X-A"]' },
    ]);
    expect(await api.channel(channel.id)).toEqual(channel);
  });

  test("a deleted channel is gone", async () => {
    const { api } = await deployment.newTenant();
    const kept = await api.createWebhook(`${sink.url}/other`);
    const { id } = await api.createWebhook(`${sink.url}/gone`);
    const path = `/v1/notification-channels/${id}`;
    const deleted = await api.send("DELETE", path);
    expect(deleted).toMatchObject({ status: 204, body: undefined });
    for (const reply of [
      await api.send("DELETE", path),
      await api.send("GET", path),
      await api.send("PUT", path, { name: "again" }),
    ]) {
      expect(reply).toMatchObject({ status: 404, body: { code: "not_found", details: {} } });
    }
    const list = await api.send("GET", "/v1/notification-channels");
    expect(list.body).toMatchObject({ channels: [{ id: kept.id }] });
    expect(await api.ingest({ type: "grant.active" })).toMatchObject({ deliveries: 1 });
  });
});
