import { execFile } from "node:child_process";
import { randomBytes } from "node:crypto";
import { join } from "node:path";
import { promisify } from "node:util";
import { afterAll, beforeAll, expect, it } from "vitest";
import { type Api, createApi } from "../e2e/api.ts";
import { runCli } from "../e2e/cli.ts";
import { type HttpSink, startHttpSink } from "../sinks/http-sink.ts";
import { type SmtpSink, startSmtpSink } from "../sinks/smtp-sink.ts";
import { type SnsEndpoint, startSnsEndpoint } from "../sinks/sns-endpoint.ts";
import { freePort } from "../support/ports.ts";
import { findBinaries, type Postgres, startPostgres } from "../support/postgres.ts";
import { type Redis, startRedis } from "../support/redis.ts";
import { type Service, startService } from "../support/service.ts";
import { withTempDir } from "../support/temp-dir.ts";
import { until } from "../support/until.ts";

/** Every secret that the service is told here, by what it is. */
const secrets = {
  slackToken: plant("slack"),
  webhookPath: plant("path"),
  webhookQuery: plant("query"),
  headerValue: plant("header"),
  signingSecret: plant("signing"),
  signingSecretBefore: plant("former"),
  smtpPassword: plant("smtp"),
  databasePassword: plant("database"),
  redisPassword: plant("redis"),
  awsSecretKey: plant("aws"),
  wrongApiKey: plant("guess"),
  strayQuery: plant("stray"),
  bearer: plant("bearer"),
  encryptionKey: randomBytes(32).toString("base64"),
};

const backoff = { JITSUDO_BACKOFF_BASE_MS: "20", JITSUDO_ATTEMPT_TIMEOUT_MS: "400" };

let postgres: Postgres;
let redis: Redis;
let http: HttpSink;
let smtp: SmtpSink;
let sns: SnsEndpoint;
let env: Record<string, string>;
let service: Service;
let api: Api;
let apiKey: string;
let tenant: string;
/** All that the API ever answered. */
const answers: string[] = [];

beforeAll(async () => {
  [postgres, redis, http, smtp] = await Promise.all([
    startPostgres(),
    startRedis(),
    startHttpSink(),
    startSmtpSink({ auth: { username: "user", password: secrets.smtpPassword } }),
  ]);
  const aws = { accessKeyId: "AKIAIOSFODNN7EXAMPLE", secretAccessKey: secrets.awsSecretKey };
  sns = await startSnsEndpoint({ credentials: aws, topics: ["arn:aws:sns:eu-central-1:123456789012:known"] });
  env = {
    // The server lets everybody in; what matters is that the password is told to the service.
    DATABASE_URL: Object.assign(new URL(postgres.url), { password: secrets.databasePassword }).href,
    REDIS_URL: Object.assign(new URL(redis.url), { password: secrets.redisPassword }).href,
    JITSUDO_ENCRYPTION_KEYS: secrets.encryptionKey,
    JITSUDO_LOG_LEVEL: "debug",
    JITSUDO_ALLOW_DESTINATIONS: "127.0.0.0/8",
    AWS_ACCESS_KEY_ID: aws.accessKeyId,
    AWS_SECRET_ACCESS_KEY: aws.secretAccessKey,
    AWS_ENDPOINT_URL_SNS: sns.url,
    ...backoff,
  };
  service = await startService({ env });
  ({ tenant_id: tenant, api_key: apiKey } = await service.credentials());
  api = createApi(service.url, apiKey, tenant);
  listen();
});

afterAll(async () => {
  await service.close();
  await Promise.all([http.close(), smtp.close(), sns.close(), redis.close(), postgres.close()]);
});

it("shows no secret in logs, metrics, answers or the database, however calls and deliveries end", {
  timeout: 240_000,
}, async () => {
  const channels = await createChannels();
  await updateThem(channels);
  await sendAndWait("request.pending");
  await refuseCalls();
  await breakTheDatabase();
  await sendAndWait("request.denied");
  await readEverything(channels);
  const metrics = await (await fetch(`${service.url}/metrics`)).text();
  expect(metrics).toContain("jitsudo_delivery_attempts_total");
  expect(await service.stop()).toBe(0);
  const keys = await runCli(env, "keys", "list");
  const status = await runCli(env, "secrets", "rotate");
  expect([keys.exit, status.exit]).toEqual([0, 0]);

  // Proof that what is looked for was in use, and got where it belongs.
  expect(http.requests.some(({ headers }) => headers["x-token"] === secrets.headerValue)).toBe(true);
  expect(http.requests.some(({ path }) => path.includes(secrets.slackToken))).toBe(true);
  expect(smtp.mails.length).toBeGreaterThan(0);
  expect(sns.messages.length).toBeGreaterThan(0);
  expect(service.stderr()).toContain("database unavailable");

  const dump = await dumpOf(postgres.url);
  expect(dump).toContain("sealed:v1:");
  const searched = {
    stderr: service.stderr(),
    // The welcome shows the first key where the database is embedded alone.
    stdout: service.stdout(),
    metrics,
    answers: answers.join("\n"),
    dump,
    cli: [keys, status].map(({ stdout, stderr }) => stdout + stderr).join("\n"),
  };
  // What comes after the prefix may hold a "_", too.
  const keySecret = apiKey.slice("jsn_000000000000_".length);
  expect(leaksIn(searched, { ...secrets, apiKey: keySecret })).toEqual([]);
});

it("shows no secret of a configuration that it refuses, or with which it cannot start", {
  timeout: 120_000,
}, async () => {
  const port = await freePort();
  const [data, redisUrl, keys] = [plant("db"), plant("rd"), plant("ek")];
  const refused: Record<string, string>[] = [
    { DATABASE_URL: `mysql://u:${data}@127.0.0.1/x` },
    {
      DATABASE_URL: `postgres://u:${data}@127.0.0.1:${port}/x`,
      REDIS_URL: `redis://u:${redisUrl}@127.0.0.1:1/0`,
    },
    { DATABASE_URL: `postgres://u:${data}@127.0.0.1:notaport/x` },
    { REDIS_URL: `http://u:${redisUrl}@127.0.0.1` },
    { REDIS_URL: `redis://u:${redisUrl}@127.0.0.1:notaport`, DATABASE_URL: postgres.url },
    { JITSUDO_ENCRYPTION_KEYS: keys },
    { JITSUDO_ENCRIPTION_KEYS: keys },
  ];
  for (const wrong of refused) {
    const error = await startService({ env: { JITSUDO_LOG_LEVEL: "debug", ...wrong } }).then(
      () => new Error(`It started with ${JSON.stringify(wrong)}`),
      (reason: Error) => reason,
    );
    expect(error.message).toContain("The service did not start");
    expect(leaksIn({ printed: error.message }, { data, redisUrl, keys }), JSON.stringify(wrong)).toEqual([]);
    const cli = await withTempDir((dataDir) =>
      runCli({ JITSUDO_DATA_DIR: dataDir, ...wrong }, "keys", "list"),
    );
    expect(leaksIn({ cli: cli.stdout + cli.stderr }, { data, redisUrl, keys })).toEqual([]);
  }
});

async function createChannels(): Promise<string[]> {
  const path = (end: string) => `/${end}/${secrets.webhookPath}`;
  // Endpoints that give away what they were told.
  http.respond(path("echo"), (request) => ({ status: 500, body: JSON.stringify(request) }));
  http.respond(path("echo-ok"), (request) => ({
    body: `${request.path} ${JSON.stringify(request.headers)}`,
  }));
  http.respond(path("hang"), "hang");
  http.respond(path("reset"), "reset");
  http.respond(path("redirect"), (request) => ({
    status: 302,
    headers: { location: `${http.url}${request.path}?again` },
    body: request.path,
  }));
  http.respond(path("busy"), { status: 429, headers: { "retry-after": "0" } });
  const closed = await freePort();
  const bases = ["echo", "echo-ok", "ok", "hang", "reset", "redirect", "busy"].map(
    (end) => http.url + path(end),
  );
  const urls = [
    ...bases,
    `http://127.0.0.1:${closed}${path("closed")}`,
    `${http.url.replace("http:", "https:")}${path("no-tls")}`,
    `http://127.0.0.1:${smtp.port}${path("no-http")}`,
    `http://no-such-host.invalid${path("no-host")}`,
    `http://10.0.0.1${path("forbidden")}`,
  ];
  const made: string[] = [];
  for (const url of urls) {
    const reply = await api.send<{ id?: string }>("POST", "/v1/notification-channels/generic-webhook", {
      name: "webhook",
      url: `${url}?token=${secrets.webhookQuery}`,
      headers: { authorization: `Bearer ${secrets.headerValue}`, "x-token": secrets.headerValue },
      signing_secret: secrets.signingSecretBefore,
    });
    if (reply.body.id) made.push(reply.body.id);
  }
  expect(made.length).toBeGreaterThanOrEqual(bases.length + 3);
  for (const end of ["", "/fails"]) {
    const slackPath = `/services/T0/B0/${secrets.slackToken}${end}`;
    if (end) http.respond(slackPath, { status: 403, body: `invalid_token ${secrets.slackToken}` });
    const { id } = await api.createChannel("slack-webhook", {
      name: "slack",
      webhook_url: http.url + slackPath,
    });
    made.push(id);
  }
  const mail = {
    name: "mail",
    smtp_host: "127.0.0.1",
    smtp_port: smtp.port,
    tls: "none",
    from_address: "a@example.com",
    to_addresses: ["b@example.com"],
    smtp_username: "user",
    smtp_password: secrets.smtpPassword,
  };
  for (const more of [{}, { smtp_username: "other" }, { smtp_port: closed }]) {
    made.push((await api.createChannel("email", { ...mail, ...more })).id);
  }
  const encoded = Buffer.from(`\0other\0${secrets.smtpPassword}`).toString("base64");
  const echo = { code: 535, text: `no such user: ${secrets.smtpPassword} ${encoded}` };
  smtp.react("auth", (username) => (username === "other" ? echo : "accept"));
  for (const topic of ["known", "unknown"]) {
    const topic_arn = `arn:aws:sns:eu-central-1:123456789012:${topic}`;
    made.push((await api.createChannel("aws-sns", { name: "sns", topic_arn })).id);
  }
  return made;
}

async function updateThem(ids: string[]): Promise<void> {
  for (const id of ids) {
    const path = `/v1/notification-channels/${id}`;
    const { body } = await api.send<{ channel_type: string; config: object }>("GET", path);
    if (body.channel_type !== "generic_webhook") continue;
    const config = { ...body.config, signing_secret: secrets.signingSecret };
    expect(await api.send("PUT", path, { name: "renamed", config })).toMatchObject({ status: 200 });
  }
}

async function sendAndWait(type: string): Promise<void> {
  const { body, status } = await api.send<{ id: string }>("POST", "/v1/events", { type, request_id: "r" });
  expect(status).toBe(202);
  await until(
    async () => {
      const deliveries = await api.deliveries({ event_id: body.id });
      return (
        deliveries.length > 10 && deliveries.every(({ state }) => !["pending", "delivering"].includes(state))
      );
    },
    { timeoutMs: 60_000, intervalMs: 300 },
  );
}

/** Calls that are wrong in every way, with secrets at the wrong places. */
async function refuseCalls(): Promise<void> {
  const slack = "/v1/notification-channels/slack-webhook";
  const url = `${http.url}/${secrets.slackToken}`;
  const wrong = { "X-API-Key": `jsn_000000000000_${secrets.wrongApiKey}` };
  await api.send("GET", `/v1/notification-channels?api_key=${secrets.strayQuery}`);
  await api.send("GET", `/v1/${secrets.strayQuery}`);
  await api.send("GET", "/v1/deliveries", undefined, { ...wrong, Authorization: `Bearer ${secrets.bearer}` });
  await api.send("GET", "/v1/deliveries", undefined, { "X-Tenant-ID": secrets.strayQuery });
  await api.send("POST", slack, { name: "", webhook_url: `ftp://x/${secrets.slackToken}` });
  await api.send("POST", slack, { name: "x", webhook_url: [url] });
  await api.send("POST", slack, { name: "x", webhook_url: { url } });
  await api.send("POST", slack, { name: "x", webhook_url: url, enabled: secrets.slackToken });
  await api.send("POST", slack, `{"name": "x", "webhook_url": "${url}" oops`);
  await api.send("POST", slack, `{"name": "x", "webhook_url": "${url}"`);
  await api.send("POST", slack, `{"name": "x", "webhook_url": "${url}", "webhook_url": "${url}"}`);
  await api.send("POST", "/v1/notification-channels/email", { smtp_password: `${secrets.smtpPassword}\n` });
  await api.send("POST", "/v1/notification-channels/generic-webhook", {
    name: "x",
    url: `http://user:${secrets.webhookPath}@h/#${secrets.webhookPath}`,
    headers: { host: secrets.headerValue, "x-b": `${secrets.headerValue}\n` },
    signing_secret: `whsec_${secrets.signingSecret}`,
  });
  const connect = "/jitsudo.notifications.v1.NotificationChannelService/CreateSlackWebhookChannel";
  await api.send("POST", connect, { name: "", webhook_url: `ftp://x/${secrets.slackToken}` });
  await api.send("POST", connect, `{"name": "x", "webhook_url": "${url}" oops`);
}

async function breakTheDatabase(): Promise<void> {
  await postgres.stop("immediate");
  const { status } = await api.send("POST", "/v1/events", { type: "grant.active" });
  expect(status).toBe(503);
  await api.send("GET", "/v1/notification-channels");
  await postgres.start();
  await until(async () => (await api.send("GET", "/v1/deliveries")).status === 200);
}

async function readEverything(ids: string[]): Promise<void> {
  for (const id of ids) expect((await api.send("GET", `/v1/notification-channels/${id}`)).status).toBe(200);
  await api.send("GET", "/v1/notification-channels?page_size=200");
  await api.send("GET", "/v1/audit-events?page_size=200");
  for (const { id } of await api.deliveries()) await api.send("GET", `/v1/deliveries/${id}`);
}

/** Notes all that the API answers, whoever asks. */
function listen(): void {
  const plain = globalThis.fetch;
  globalThis.fetch = async (...request) => {
    const response = await plain(...request);
    answers.push(JSON.stringify([...response.headers]), await response.clone().text());
    return response;
  };
}

function plant(name: string): string {
  return `PLANTED${name}${randomBytes(12).toString("hex")}`;
}

/** Which secrets occur in which texts, as they are or encoded. */
function leaksIn(texts: Record<string, string>, planted: Record<string, string>): string[] {
  return Object.entries(planted).flatMap(([secret, value]) =>
    Object.entries(texts).flatMap(([place, text]) => {
      const at = forms(value)
        .map((form) => text.indexOf(form))
        .find((index) => index >= 0);
      return at === undefined ? [] : [`${secret} in ${place}: ${text.slice(Math.max(0, at - 120), at + 80)}`];
    }),
  );
}

function forms(secret: string): string[] {
  const bytes = Buffer.from(secret);
  // Base64 of a text that has the secret at any offset; the ends depend on what is around it.
  const base64 = [0, 1, 2].map((offset) =>
    Buffer.concat([Buffer.alloc(offset), bytes])
      .toString("base64")
      .slice(4, -4),
  );
  return [secret, encodeURIComponent(secret), bytes.toString("hex"), ...base64];
}

async function dumpOf(url: string): Promise<string> {
  const program = join(findBinaries(), "pg_dump");
  const { stdout } = await promisify(execFile)(program, [url], { maxBuffer: 256 * 1024 * 1024 });
  return stdout;
}
