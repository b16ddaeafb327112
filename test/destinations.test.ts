import { afterAll, beforeAll, expect, test } from "vitest";
import { type Api, type ChannelJson, createApi } from "./e2e/api.ts";
import { makeCertificates } from "./sinks/certificates.ts";
import { type HttpSink, startHttpSink } from "./sinks/http-sink.ts";
import { type SmtpSink, startSmtpSink } from "./sinks/smtp-sink.ts";
import { type Service, startService } from "./support/service.ts";
import { makeTempDir, removeDir } from "./support/temp-dir.ts";

// The tests follow one service through two lives: at first as somebody tries it out,
// then as an operator runs it who allows nothing but public addresses.

const addresses = { smtp_port: 25, from_address: "jitsudo@example.com", to_addresses: ["ops@example.com"] };
const certificates = makeCertificates();

let dataDir: string;
let service: Service;
let http: HttpSink;
let https: HttpSink;
let smtp: SmtpSink;
let api: Api;
const channels: ChannelJson[] = [];

async function start(env: Record<string, string>): Promise<void> {
  service = await startService({
    dataDir,
    env: { JITSUDO_BACKOFF_BASE_MS: "1", ...env },
    timeoutMs: 100_000,
  });
  const { api_key, tenant_id } = await service.credentials();
  api = createApi(service.url, api_key, tenant_id);
}

beforeAll(async () => {
  dataDir = await makeTempDir();
  [http, https, smtp] = await Promise.all([
    startHttpSink(),
    startHttpSink({ tls: certificates }),
    startSmtpSink({ tls: "implicit", certificate: certificates }),
  ]);
  await start({});
});

afterAll(async () => {
  await service.close();
  await Promise.all([http.close(), https.close(), smtp.close()]);
  removeDir(dataDir);
});

const post = (kind: string, fields: object) =>
  api.send("POST", `/v1/notification-channels/${kind}`, { name: "x", ...fields });

function refusal(field: string, message: RegExp) {
  const fields = [{ field, message: expect.stringMatching(message) }];
  return { status: 400, body: { code: "invalid_argument", details: { fields } } };
}

test("for a trial loopback is allowed, and the log says so", async () => {
  expect(service.stderr()).toMatch(/"level":40.*loopback addresses.*JITSUDO_ALLOW_DESTINATIONS/);
  const { ca: ca_certificate } = certificates;
  channels.push(
    await api.createWebhook(`${http.url}/plain`),
    await api.createWebhook(`${https.url}/trusted`, { ca_certificate }),
    await api.createChannel("slack-webhook", { name: "slack", webhook_url: `${http.url}/slack` }),
    await api.createChannel("email", {
      name: "mail",
      ...addresses,
      smtp_host: "127.0.0.1",
      smtp_port: smtp.port,
      tls: "implicit",
      ca_certificate,
    }),
  );
  expect(channels[1]?.config).toMatchObject({ ca_certificate });
  const { id } = await api.ingest({ type: "grant.active", request_id: "1" });
  expect((await api.settled(id)).map(({ state }) => state)).toEqual(Array(4).fill("delivered"));
});

test("addresses beyond loopback are refused in words, by the name of the field", async () => {
  const special = /must not lead to a private, local or otherwise special address/;
  for (const host of ["169.254.169.254", "10.0.0.1", "[fd00::1]", "[::ffff:a00:1]", "0xa.1", "0.0.0.0"]) {
    expect(await post("generic-webhook", { url: `http://${host}/latest` })).toMatchObject(
      refusal("url", special),
    );
    const webhook_url = `https://${host}/services/x`;
    expect(await post("slack-webhook", { webhook_url })).toMatchObject(refusal("webhook_url", special));
  }
  for (const smtp_host of ["10.0.0.1", "fd00::1", "::ffff:10.0.0.1"]) {
    expect(await post("email", { ...addresses, smtp_host })).toMatchObject(refusal("smtp_host", special));
  }
  const path = `/v1/notification-channels/${channels[0]?.id}`;
  const config = { url: "http://192.168.0.1/" };
  expect(await api.send("PUT", path, { config })).toMatchObject(refusal("config.url", special));
});

test("a name that does not resolve yet is accepted", async () => {
  const channel = await api.createWebhook("https://not-yet.invalid/hook", {
    event_filters: ["grant.revoked"],
  });
  await api.deleteChannel(channel.id);
});

test("certificates must be certificates, and a private key among them is not repeated", async () => {
  const url = `${https.url}/hook`;
  const { ca, key } = certificates;
  const broken = ca.replace(/\n[A-Za-z0-9+/]{20}/, "\nAAAAAAAAAAAAAAAAAAAA");
  for (const [ca_certificate, message] of [
    ["hello", /must be PEM certificates/],
    [ca + key, /without a private key/],
    [key, /without a private key/],
    [broken, /certificate 1 cannot be read/],
    [ca + broken, /certificate 2 cannot be read/],
    [ca.repeat(100), /at most 32768/],
  ] as const) {
    expect(await post("generic-webhook", { url, ca_certificate })).toMatchObject(
      refusal("ca_certificate", message),
    );
    const refused = await post("email", { ...addresses, smtp_host: "127.0.0.1", ca_certificate });
    expect(refused).toMatchObject(refusal("ca_certificate", message));
    expect(JSON.stringify(refused)).not.toContain(key.slice(30, 60));
  }
  expect(service.stderr()).not.toContain("PRIVATE KEY");
  expect(service.stderr()).not.toContain(key.slice(30, 60));
  const two = await api.createWebhook(url, { ca_certificate: `\n${ca}\r\n${makeCertificates().ca}\n` });
  await api.deleteChannel(two.id);
});

test("once nothing is allowed, channels that are there already reach nothing, and say why", async () => {
  await service.stop();
  const connections = () => [http.connections(), https.connections(), smtp.connections()];
  const before = connections();
  await start({ JITSUDO_ALLOW_DESTINATIONS: "none" });
  expect(service.stderr()).not.toContain("loopback addresses");
  const { id } = await api.ingest({ type: "grant.active", request_id: "2" });
  const deliveries = await api.settled(id);
  expect(deliveries).toHaveLength(4);
  for (const { state, last_error, attempts } of deliveries) {
    expect({ state, last_error }).toEqual({ state: "failed", last_error: "the address is not allowed" });
    expect(attempts.map(({ outcome }) => outcome)).toEqual(["retry", "retry", "retry"]);
  }
  expect(connections()).toEqual(before);
});

test("and what is not about the destination can still be changed", async () => {
  const special = /JITSUDO_ALLOW_DESTINATIONS/;
  const { port } = new URL(http.url);
  for (const host of ["127.0.0.1", "localhost", "2130706433", "[::1]"]) {
    const url = `http://${host}:${port}/`;
    expect(await post("generic-webhook", { url })).toMatchObject(refusal("url", special));
  }
  expect(await post("email", { ...addresses, smtp_host: "localhost" })).toMatchObject(
    refusal("smtp_host", special),
  );
  const [channel] = channels;
  const id = channel?.id ?? "";
  expect(await api.updateChannel(id, { name: "renamed" })).toMatchObject({ name: "renamed" });
  // The masked URL still shows its host.
  expect(await api.send("PUT", `/v1/notification-channels/${id}`, { config: channel?.config })).toMatchObject(
    refusal("config.url", special),
  );
});
