import { Webhook } from "standardwebhooks";
import { afterAll, beforeAll, expect, test } from "vitest";
import { type Api, type ChannelJson, createApi } from "./e2e/api.ts";
import { type HttpSink, startHttpSink } from "./sinks/http-sink.ts";
import { verifyEd25519 } from "./support/ed25519.ts";
import { type Service, startService } from "./support/service.ts";
import { until } from "./support/until.ts";

interface SigningJson {
  keys: { type: string; public_key: string; signs_until?: string }[];
  new_secret?: string;
}

let service: Service;
let sink: HttpSink;
let api: Api;

beforeAll(async () => {
  sink = await startHttpSink();
  service = await startService({ env: { JITSUDO_LOG_LEVEL: "debug" }, timeoutMs: 100_000 });
  const { api_key, tenant_id } = await service.credentials();
  api = createApi(service.url, api_key, tenant_id);
});

afterAll(async () => {
  await service.close();
  await sink.close();
});

const signingOf = (channel: ChannelJson) => (channel as ChannelJson & { signing?: SigningJson }).signing;

/** What the sink gets for an event from the channel at `path`, with each of its signatures. */
async function receive(path: string) {
  const before = sink.to(path).length;
  await api.ingest({ type: "grant.active", request_id: crypto.randomUUID() });
  await sink.waitFor(() => sink.to(path).length > before);
  const request = sink.to(path).at(-1);
  const headers = request?.headers as Record<string, string>;
  const body = request?.body ?? "";
  const text = `${headers["webhook-id"]}.${headers["webhook-timestamp"]}.${body}`;
  return { headers, body, text, signatures: headers["webhook-signature"]?.split(" ") ?? [] };
}

const create = (path: string, more: object) => api.createWebhook(sink.url + path, more);

async function rotate(id: string, body: object = {}) {
  const reply = await api.send<ChannelJson>(
    "POST",
    `/v1/notification-channels/${id}/signing-secret:rotate`,
    body,
  );
  expect(reply, JSON.stringify(reply.body)).toMatchObject({ status: 200 });
  return { channel: reply.body, signing: signingOf(reply.body) };
}

test("a symmetric secret that the server makes is shown once, and the receiver verifies with it", async () => {
  const channel = await create("/symmetric", { generate_signing_secret: "symmetric" });
  const secret = signingOf(channel)?.new_secret ?? "";
  expect(secret).toMatch(/^whsec_[A-Za-z0-9+/]{43}=$/);
  expect(channel.config).toEqual({ url: expect.any(String), signing_secret: "********" });
  const shown = await api.channel(channel.id);
  expect(signingOf(shown)).toEqual({ keys: [{ type: "symmetric", public_key: "" }] });
  const { body, headers } = await receive("/symmetric");
  expect(new Webhook(secret).verify(body, headers)).toMatchObject({ type: "grant.active" });
});

test("of a key pair that the server makes only the public key is ever shown", async () => {
  const channel = await create("/ed25519", { generate_signing_secret: "ed25519" });
  const [key] = signingOf(channel)?.keys ?? [];
  expect(key).toMatchObject({
    type: "ed25519",
    public_key: expect.stringMatching(/^whpk_[A-Za-z0-9+/]{43}=$/),
  });
  expect(JSON.stringify(channel)).not.toContain("whsk_");
  expect(signingOf(await api.channel(channel.id))).toEqual({ keys: [key] });
  const { text, signatures } = await receive("/ed25519");
  expect(signatures).toHaveLength(1);
  expect(verifyEd25519(key?.public_key ?? "", signatures[0] ?? "", text)).toBe(true);
});

test("a private key of the tenant's own signs, and its public key can be read", async () => {
  const signing_secret = `whsk_${Buffer.alloc(32, 9).toString("base64")}`;
  const channel = await create("/own", { signing_secret });
  const { text, signatures } = await receive("/own");
  expect(verifyEd25519(signingOf(channel)?.keys[0]?.public_key ?? "", signatures[0] ?? "", text)).toBe(true);
  expect(JSON.stringify(await api.channel(channel.id))).not.toContain(signing_secret);
});

test("during the overlap both secrets sign, and after it the new one alone", async () => {
  const channel = await create("/rotated", { generate_signing_secret: "symmetric" });
  const old = signingOf(channel)?.new_secret ?? "";
  const startedAt = Date.now();
  const { signing } = await rotate(channel.id, { overlap_seconds: 4 });
  const secret = signing?.new_secret ?? "";
  expect(secret).not.toBe(old);
  expect(signing?.keys.map(({ type }) => type)).toEqual(["symmetric", "symmetric"]);
  const until4s = new Date(signing?.keys[1]?.signs_until ?? "").getTime();
  expect(until4s).toBeGreaterThanOrEqual(startedAt + 4_000);
  expect(until4s).toBeLessThan(startedAt + 10_000);

  const both = await receive("/rotated");
  expect(both.signatures).toHaveLength(2);
  for (const known of [old, secret]) new Webhook(known).verify(both.body, both.headers);

  // What is changed beside the secret does not end the overlap.
  const renamed = await api.updateChannel(channel.id, { name: "renamed", config: channel.config });
  expect(signingOf(renamed)?.keys).toHaveLength(2);
  expect(renamed.config).toEqual(channel.config);

  await until(() => Date.now() > until4s);
  const after = await receive("/rotated");
  expect(after.signatures).toHaveLength(1);
  new Webhook(secret).verify(after.body, after.headers);
  expect(() => new Webhook(old).verify(after.body, after.headers)).toThrow("No matching signature");
  expect(signingOf(await api.channel(channel.id))?.keys).toHaveLength(1);
});

test("a rotation may change the kind, lasts a day by default, and drops what was rotated out before", async () => {
  const channel = await create("/kinds", { signing_secret: "plain text of the tenant" });
  const first = (await rotate(channel.id, { type: "ed25519" })).signing;
  expect(first).not.toHaveProperty("new_secret");
  const hours = (new Date(first?.keys[1]?.signs_until ?? "").getTime() - Date.now()) / 3_600_000;
  expect(hours).toBeGreaterThan(23.9);
  expect(hours).toBeLessThanOrEqual(24);
  const { text, body, headers, signatures } = await receive("/kinds");
  expect(signatures.map((signature) => signature.split(",")[0])).toEqual(["v1a", "v1"]);
  expect(verifyEd25519(first?.keys[0]?.public_key ?? "", signatures[0] ?? "", text)).toBe(true);
  new Webhook("plain text of the tenant", { format: "raw" }).verify(body, headers);

  // The kind in use is the default.
  const second = (await rotate(channel.id)).signing;
  expect(second?.keys.map(({ type }) => type)).toEqual(["ed25519", "ed25519"]);
  expect(second?.keys[1]?.public_key).toBe(first?.keys[0]?.public_key);
  const third = (await rotate(channel.id, { type: "symmetric", overlap_seconds: 0 })).signing;
  expect(third?.keys).toEqual([{ type: "symmetric", public_key: "" }]);
  expect((await receive("/kinds")).signatures).toHaveLength(1);
});

test("a secret that an update replaces or removes stops at once, with the one before it", async () => {
  const channel = await create("/updated", { generate_signing_secret: "symmetric" });
  await rotate(channel.id);
  const url = channel.config.url;
  const made = await api.updateChannel(channel.id, { config: { url, generate_signing_secret: "symmetric" } });
  const secret = signingOf(made)?.new_secret ?? "";
  expect(signingOf(made)?.keys).toHaveLength(1);
  const { body, headers, signatures } = await receive("/updated");
  expect(signatures).toHaveLength(1);
  new Webhook(secret).verify(body, headers);
  const unsigned = await api.updateChannel(channel.id, { config: { url } });
  expect(signingOf(unsigned)).toBeUndefined();
  expect((await receive("/updated")).headers).not.toHaveProperty("webhook-signature");
  expect((await rotate(channel.id)).signing?.keys).toHaveLength(1);
});

test("what cannot be is refused with the field's name", async () => {
  const url = `${sink.url}/refused`;
  const post = (kind: string, body: object) => api.send("POST", `/v1/notification-channels/${kind}`, body);
  const refusal = (field: string, message: RegExp) => ({
    status: 400,
    body: { details: { fields: [{ field, message: expect.stringMatching(message) }] } },
  });
  for (const [fields, field, message] of [
    [{ signing_secret: "whsec_short" }, "signing_secret", /24 to 64 bytes/],
    [{ signing_secret: "whsk_AAAA" }, "signing_secret", /Ed25519/],
    [{ signing_secret: `whpk_${"A".repeat(43)}=` }, "signing_secret", /public key/],
    [{ generate_signing_secret: "rsa" }, "generate_signing_secret", /symmetric, ed25519/],
    [{ generate_signing_secret: "ed25519", signing_secret: "x" }, "generate_signing_secret", /together/],
    [{ previous_signing_secret: "x" }, "previous_signing_secret", /unknown/],
  ] as const) {
    expect(await post("generic-webhook", { name: "x", url, ...fields })).toMatchObject(
      refusal(field, message),
    );
  }
  const channel = await create("/refused", {});
  for (const [body, field, message] of [
    [{ overlap_seconds: -1 }, "overlap_seconds", /from 0 to 2592000/],
    [{ overlap_seconds: 2_592_001 }, "overlap_seconds", /from 0 to 2592000/],
    [{ type: "rsa" }, "type", /symmetric, ed25519/],
  ] as const) {
    const path = `${channel.id}/signing-secret:rotate`;
    expect(await post(path, body)).toMatchObject(refusal(field, message));
  }
  const config = { url, signing_secret: "whsec_short" };
  expect(await api.send("PUT", `/v1/notification-channels/${channel.id}`, { config })).toMatchObject(
    refusal("config.signing_secret", /24 to 64/),
  );
  const sns = await api.createChannel("aws-sns", {
    name: "sns",
    topic_arn: "arn:aws:sns:eu-west-1:123456789012:x",
    event_filters: ["grant.revoked"],
  });
  expect(await post(`${sns.id}/signing-secret:rotate`, {})).toMatchObject(refusal("id", /generic webhook/));
  expect(await post(`${crypto.randomUUID()}/signing-secret:rotate`, {})).toMatchObject({ status: 404 });
});

test("no secret stands in the log or in what the service answers later", async () => {
  const secrets: string[] = [];
  const path = "/leak";
  const own = "an own secret in plain text";
  const channel = await create(path, { signing_secret: own });
  secrets.push(own, (await rotate(channel.id, { type: "symmetric" })).signing?.new_secret ?? "?");
  // An endpoint that gives back all that it knows.
  sink.respond(path, () => ({ status: 410, body: secrets.join(" and ") }));
  const { id } = await api.ingest({ type: "request.denied", request_id: "leak" });
  const deliveries = await api.settled(id);
  const own410 = deliveries.find(({ channel_id }) => channel_id === channel.id);
  expect(own410?.attempts[0]?.response).toBe("[redacted] and [redacted]");
  const seen = JSON.stringify(await api.send("GET", "/v1/notification-channels?page_size=200"));
  for (const secret of secrets) {
    expect(seen + service.stderr() + service.stdout()).not.toContain(secret);
  }
  expect(seen + service.stderr()).not.toMatch(/whsec_|whsk_/);
});
