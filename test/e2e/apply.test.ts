import { execFile } from "node:child_process";
import { writeFile } from "node:fs/promises";
import { join, resolve } from "node:path";
import { promisify } from "node:util";
import { afterAll, beforeAll, expect, test, vi } from "vitest";
import { type HttpSink, startHttpSink } from "../sinks/http-sink.ts";
import { makeTempDir, removeDir } from "../support/temp-dir.ts";
import { runCli } from "./cli.ts";
import { type Deployment, deploy, type Tenant } from "./deployment.ts";

// Channels kept in a file: `apply` as a process against the running service.

// Each command is a process.
vi.setConfig({ testTimeout: 180_000 });

const root = resolve(import.meta.dirname, "../..");
let deployment: Deployment;
let sink: HttpSink;
let folder: string;

beforeAll(async () => {
  sink = await startHttpSink();
  folder = await makeTempDir();
  deployment = await deploy("PostgreSQL and Redis");
});

afterAll(async () => {
  await deployment?.close();
  await sink.close();
  removeDir(folder);
});

/** A tenant with a file of its own. */
async function newFile() {
  const tenant = await deployment.newTenant();
  const path = join(folder, `${tenant.id}.yaml`);
  const env = (more: Record<string, string>) => ({
    JITSUDO_API_KEY: tenant.apiKey,
    JITSUDO_TENANT_ID: tenant.id,
    ...more,
  });
  return {
    tenant,
    path,
    env,
    write: (text: string) => writeFile(path, text),
    run: (more: Record<string, string>, ...args: string[]) =>
      runCli(env(more), "apply", "--url", deployment.service.url, "-f", path, ...args),
  };
}

async function channelsOf({ api }: Tenant) {
  const { body } = await api.send<{ channels: Record<string, unknown>[] }>(
    "GET",
    "/v1/notification-channels",
  );
  return body.channels;
}

const threeChannels = () => `
tenant_settings:
  product_name: Acme Access
channels:
  - name: security-alerts
    channel_type: slack_webhook
    webhook_url: { from_env: SLACK_URL }
    event_filters: [request.pending, request.break_glass]
  - name: siem
    channel_type: generic_webhook
    url: ${sink.url}/siem
    headers:
      Authorization: { from_env: SIEM_TOKEN }
    signing_secret: { from_file: siem.secret }
  - name: fan-out
    channel_type: aws_sns
    topic_arn: arn:aws:sns:us-east-1:123456789012:access-events
    enabled: false
`;

test("creates, finds nothing to do, updates what differs, and rotates a secret whose value changed", async () => {
  const { tenant, write, run } = await newFile();
  await write(threeChannels());
  await writeFile(join(folder, "siem.secret"), "first secret\n");
  const secrets = { SLACK_URL: `${sink.url}/services/T0/B0/abcdefgh`, SIEM_TOKEN: "Bearer token-one" };

  const planned = await run(secrets, "--dry-run");
  expect(planned).toMatchObject({ exit: 0, stderr: "" });
  expect(planned.stdout).toMatch(/^\+ siem \(generic_webhook\)$/m);
  expect(planned.stdout).toContain('product_name: (none) → "Acme Access"');
  expect(planned.stdout).toMatch(/3 to create, 0 to update, 0 to delete, 0 unchanged; tenant settings/);
  expect(await channelsOf(tenant)).toEqual([]);

  const unasked = await run(secrets);
  expect(unasked).toMatchObject({ exit: 1, stderr: expect.stringContaining("give --yes") });
  expect(await channelsOf(tenant)).toEqual([]);

  const applied = await run(secrets, "--yes");
  expect(applied).toMatchObject({ exit: 0, stderr: "" });
  expect(await channelsOf(tenant)).toMatchObject([
    { name: "security-alerts", event_filters: ["request.pending", "request.break_glass"] },
    { name: "siem", config: { url: `${sink.url}/********`, signing_secret: "********" } },
    { name: "fan-out", enabled: false },
  ]);
  await tenant.api.deliverOne({ type: "grant.active", request_id: "applied" });
  expect(sink.to("/siem")[0]?.headers).toMatchObject({ authorization: "Bearer token-one" });

  const again = await run(secrets, "--yes");
  expect(again).toEqual({
    exit: 0,
    stdout: "0 to create, 0 to update, 0 to delete, 3 unchanged\n",
    stderr: "",
  });

  // Values that changed behind the same reference are written; what did not change is left alone.
  await writeFile(join(folder, "siem.secret"), "second secret\n");
  const rotated = await run({ ...secrets, SLACK_URL: `${sink.url}/services/T0/B0/ijklmnop` }, "--yes");
  expect(rotated.stdout).toContain(
    "~ security-alerts (slack_webhook)\n    webhook_url: changed, from environment variable SLACK_URL\n" +
      "~ siem (generic_webhook)\n    signing_secret: changed, from file siem.secret\n" +
      "0 to create, 2 to update, 0 to delete, 1 unchanged\n",
  );
  for (const { stdout } of [planned, applied, rotated]) {
    expect(stdout).not.toMatch(/abcdefgh|ijklmnop|token-one|first secret|second secret/);
  }
  const second = { ...secrets, SLACK_URL: `${sink.url}/services/T0/B0/ijklmnop` };
  expect((await run(second, "--dry-run")).stdout).toMatch(/^0 to create, 0 to update/);
  await writeFile(join(folder, "siem.secret"), "first secret\n");
});

test("two runs at once make no twins, and the next one finds the rest", async () => {
  const { tenant, write, run } = await newFile();
  const names = ["a", "b", "c", "d", "e", "f"];
  await write(
    `channels:\n${names
      .map((name) => `  - { name: ${name}, channel_type: generic_webhook, url: "${sink.url}/${name}" }\n`)
      .join("")}`,
  );
  const runs = await Promise.all([1, 2, 3].map(() => run({}, "--yes")));
  for (const { exit, stderr } of runs) {
    if (exit !== 0)
      expect(stderr).toMatch(/the tenant has a channel "[a-f]" already\n\d of \d changes were not made/);
  }
  const last = await run({}, "--yes");
  expect(last).toMatchObject({ exit: 0, stdout: expect.stringMatching(/6 unchanged\n$|^created f/m) });
  expect((await channelsOf(tenant)).map(({ name }) => name)).toEqual(names);
});

test("shows an update field by field, and deletes only with --prune", async () => {
  const { tenant, write, run } = await newFile();
  const other = await tenant.api.createWebhook(`${sink.url}/other`, { name: "made by hand" });
  await write(`channels:
  - { name: mail, channel_type: email, smtp_host: 127.0.0.1, smtp_port: 25, from_address: a@example.com,
      to_addresses: [b@example.com] }
  - { name: hook, channel_type: generic_webhook, url: "${sink.url}/hook?token=aaa" }
`);
  expect((await run({}, "--yes")).stdout).toContain(
    "made by hand (generic_webhook) is not in the file and stays",
  );
  await write(`channels:
  - name: mail
    channel_type: email
    smtp_host: 127.0.0.1
    smtp_port: 26
    from_address: a@example.com
    to_addresses: [b@example.com, c@example.com]
    event_filters: [grant.expired]
  - { name: hook, channel_type: generic_webhook, url: "${sink.url}/hook?token=bbb" }
`);
  const { stdout } = await run({}, "--prune", "--yes");
  expect(stdout).toContain(`~ mail (email)
    smtp_port: 25 → 26
    to_addresses: ["b@example.com"] → ["b@example.com","c@example.com"]
    event_filters: [] → ["grant.expired"]
~ hook (generic_webhook)
    url: "${sink.url}/********", its secret changed
- made by hand (generic_webhook)
0 to create, 2 to update, 1 to delete, 0 unchanged
`);
  expect(stdout).toContain(`deleted made by hand (${other.id})`);
  expect((await channelsOf(tenant)).map(({ name }) => name)).toEqual(["mail", "hook"]);
});

test("--prune wants the list that names what stays", async () => {
  const { tenant, path, write, run } = await newFile();
  await tenant.api.createWebhook(`${sink.url}/a`, { name: "a" });
  for (const text of ["tenant_settings: {}\n", "channels:\n"]) {
    await write(text);
    expect(await run({}, "--prune", "--yes")).toEqual({
      exit: 1,
      stdout: "",
      stderr: `${path}:1: channels: --prune deletes what is not in this list, so the file must have it: [] for no channels\n`,
    });
  }
  expect(await channelsOf(tenant)).toHaveLength(1);
  await write("channels: []\n");
  expect((await run({}, "--prune", "--yes")).exit).toBe(0);
  expect(await channelsOf(tenant)).toEqual([]);
});

test("blanks around the product's name are not a change each time", async () => {
  const { write, run } = await newFile();
  await write('tenant_settings: { product_name: " Acme Access " }\n');
  expect((await run({}, "--yes")).stdout).toContain('product_name: (none) → "Acme Access"');
  expect((await run({}, "--dry-run")).stdout).toBe("0 to create, 0 to update, 0 to delete, 0 unchanged\n");
});

test("waits as long as the service asks when it has called too often", async () => {
  const { tenant, write, run } = await newFile();
  const key = await runCli(
    deployment.home.env,
    ...["keys", "create", "--name", "slow", "--tenant", tenant.id, "--rate-limit", "1"],
    ...["--scopes", "channels:read", "channels:write"],
  );
  const entries = [1, 2, 3, 4].map((number) => {
    return `  - { name: slow-${number}, channel_type: generic_webhook, url: "${sink.url}/slow" }\n`;
  });
  await write(`channels:\n${entries.join("")}`);
  const { exit, stdout, stderr } = await run({ JITSUDO_API_KEY: JSON.parse(key.stdout).api_key }, "--yes");
  expect({ exit, stdout }).toEqual({ exit: 0, stdout: expect.stringContaining("created slow-4") });
  expect(stderr).toMatch(/^(the key has used up its calls for now: waiting 1 s\n)+$/);
  expect(await channelsOf(tenant)).toHaveLength(4);
});

test("a mask keeps the secret that the server has", async () => {
  const { tenant, write, run } = await newFile();
  const { id } = await tenant.api.createWebhook(`${sink.url}/kept`, {
    name: "kept",
    generate_signing_secret: "ed25519",
  });
  await write(`channels:
  - { name: kept, channel_type: generic_webhook, url: "${sink.url}/kept", signing_secret: "********", format: standard }
`);
  expect((await run({}, "--yes")).stdout).toContain('format: (none) → "standard"');
  const signing = { keys: [{ type: "ed25519" }] };
  expect(await tenant.api.channel(id)).toMatchObject({ signing, config: { format: "standard" } });
  await tenant.api.deleteChannel(id);
  expect(await run({})).toMatchObject({
    exit: 1,
    stderr: expect.stringMatching(/:2: channels\[0\]\.signing_secret: a mask keeps a secret/),
  });
});

test("names file, line and field of everything that is wrong, before anything is changed", async () => {
  const { tenant, path, write, run } = await newFile();
  const problems = async (text: string, env = {}) => {
    await write(text);
    const { exit, stderr, stdout } = await run(env, "--yes");
    expect({ exit, stdout }).toEqual({ exit: 1, stdout: "" });
    return stderr.trim().replaceAll(`${path}:`, "").split("\n");
  };
  expect(
    await problems(`channels:
  - name: one
    channel_type: email
    smtp_host: smtp.example.com
    smtp_port: 99999
    from_address: nobody
    to_addresses:
      - a@example.com
      - nonsense
  - name: two
    channel_type: pager
  - name: three
    channel_type: generic_webhook
    url: https://example.com
    headers:
      X-Token: 5
    colour: red
  - name: four
    channel_type: slack_webhook
    webhook_url: { from_env: NOT_SET }
  - name: five
    channel_type: generic_webhook
    url: https://example.com
    signing_secret: { from_file: not-there }
  - name: six
    channel_type: generic_webhook
    url: https://example.com
    generate_signing_secret: symmetric
    unique_name: true
tenant_settings:
  time_zone: Mars/Olympus
extra: 1
`),
  ).toEqual([
    "5: channels[0].smtp_port: must be from 1 to 65535",
    "6: channels[0].from_address: must be an e-mail address",
    "9: channels[0].to_addresses[1]: must be an e-mail address",
    "11: channels[1].channel_type: must be one of slack_webhook, email, generic_webhook, aws_sns",
    "16: channels[2].headers.X-Token: must be a string",
    "17: channels[2].colour: unknown field",
    "20: channels[3].webhook_url: environment variable NOT_SET is not set, or empty",
    expect.stringMatching(/^24: channels\[4\]\.signing_secret: file not-there cannot be read: ENOENT/),
    "28: channels[5].generate_signing_secret: is for single calls: a secret that the server makes is shown once. Give signing_secret",
    "29: channels[5].unique_name: is for single calls: a name is always unique here",
    "31: tenant_settings.time_zone: must be the IANA name of a time zone, for example Europe/Berlin",
    "32: extra: unknown field; there are channels and tenant_settings",
  ]);
  const twice = "  - { name: a, channel_type: generic_webhook, url: 'https://example.com' }\n";
  expect(await problems(`channels:\n${twice}${twice}`)).toEqual([
    '3: channels[1].name: "a" is the name of the channel on line 2 too',
  ]);
  expect(await problems("channels: [")).toEqual([expect.stringMatching(/^1: .*flow/i)]);
  expect(
    await problems(
      `channels:
  - name: { from_env: CHANNEL_NAME }
    channel_type: slack_webhook
    webhook_url: https://example.com/x
`,
      { CHANNEL_NAME: "from elsewhere" },
    ),
  ).toEqual(["2: channels[0].name: must stand in the file itself: it is shown, and finds the channel again"]);
  expect(await problems("channels:\n  - name: !env X\n    smtp_password: *hunter2\n  - &a [*a]\n")).toEqual([
    "2: Unresolved tag: !env",
    "3: what begins with * is an alias, and there is no such anchor: quote it if it is text",
    "4: this alias stands within what it refers to",
  ]);
  expect(await problems("channels: []\n---\nchannels: []\n")).toEqual([
    "2: another document begins here; there can be one",
  ]);
  expect(await problems("- a")).toEqual(["1: the file must be a mapping with channels"]);
  expect(await channelsOf(tenant)).toEqual([]);
});

test("refuses what only the server can know, in the terms of the file", async () => {
  const { tenant, path, write, run } = await newFile();
  const webhook = await tenant.api.createWebhook(`${sink.url}/a`, { name: "a" });
  await write("channels:\n  - name: a\n    channel_type: generic_webhook\n    url: http://10.1.2.3/\n");
  expect(await run({}, "--yes")).toMatchObject({
    exit: 1,
    stdout: "",
    stderr: expect.stringContaining(`${path}:4: channels[0].url: `),
  });
  await write("channels:\n  - name: b\n    channel_type: generic_webhook\n    url: http://10.1.2.3/\n");
  const refused = await run({}, "--yes");
  expect(refused.exit).toBe(1);
  expect(refused.stderr).toContain(`${path}:4: channels[0].url: `);
  expect(refused.stderr).toContain("1 of 1 changes were not made");

  await write(
    "channels:\n  - { name: a, channel_type: slack_webhook, webhook_url: 'https://example.com/x' }\n",
  );
  expect((await run({}, "--yes")).stderr).toContain(`the channel ${webhook.id} of this name is of type`);
  await tenant.api.createWebhook(`${sink.url}/a`, { name: "a" });
  expect((await run({}, "--yes")).stderr).toContain("the server has 2 channels of this name");
  expect(await channelsOf(tenant)).toHaveLength(2);
});

test("says whom it could not reach and what it lacks", async () => {
  const { path, env, write, run } = await newFile();
  await write("channels: []");
  expect((await runCli({}, "apply", "-f", path)).stderr).toBe("Set JITSUDO_API_KEY and JITSUDO_TENANT_ID\n");
  expect(await run({ JITSUDO_API_KEY: "wrong key" })).toMatchObject({
    exit: 1,
    stderr:
      "JITSUDO_API_KEY and JITSUDO_TENANT_ID: apiKey holds a character that neither keys nor UUIDs have\n",
  });
  expect(await run({ JITSUDO_API_KEY: "wrong" })).toMatchObject({
    exit: 1,
    stderr: expect.stringMatching(/unauthenticated/),
  });
  const nowhere = await runCli(env({}), "apply", "-f", path, "--url", "http://127.0.0.1:1");
  expect(nowhere).toMatchObject({ exit: 1, stderr: expect.stringContaining("http://127.0.0.1:1: ") });
  expect((await runCli(env({}), "apply", "-f", "nowhere.yaml")).stderr).toMatch(
    /^nowhere\.yaml cannot be read/,
  );
});

test("asks in a terminal, and goes on only with yes", async () => {
  const { tenant, path, env, write } = await newFile();
  await write(`channels:\n  - { name: a, channel_type: generic_webhook, url: "${sink.url}/asked" }\n`);
  const answer = async (word: string) => {
    const command = `${root}/node_modules/.bin/node src/cli/main.ts apply -f ${path} --url ${deployment.service.url}`;
    // `script` gives the command a terminal.
    const shell = `echo ${word} | script --quiet --return --command '${command}' /dev/null`;
    const { stdout } = await promisify(execFile)("bash", ["-c", `${shell} || true`], {
      cwd: root,
      env: { ...process.env, ...env({}) },
    });
    return stdout;
  };
  expect(await answer("n")).toContain("Nothing was changed");
  expect(await channelsOf(tenant)).toEqual([]);
  expect(await answer("y")).toContain("created a");
  expect(await channelsOf(tenant)).toMatchObject([{ name: "a" }]);
});
