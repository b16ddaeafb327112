import { readdirSync, readFileSync } from "node:fs";
import { join, resolve } from "node:path";
import { hasOption } from "@bufbuild/protobuf";
// Bruno's own parser; the CLI around it would bring 480 packages.
import bruno from "@usebruno/lang";
import { afterAll, beforeAll, expect, test } from "vitest";
import { http } from "../../gen/google/api/annotations_pb.js";
import { recipes } from "../../scripts/docs/recipes/recipes.ts";
import { type Deployment, deploy, type Tenant } from "../e2e/deployment.ts";
import { allMethods } from "../security/all-methods.ts";
import { type HttpSink, startHttpSink } from "../sinks/http-sink.ts";
import { until } from "../support/until.ts";
import { type HttpRequest, parseHttpFile } from "./http-file.ts";
import { runBash, shellBlocks } from "./shell.ts";

// Every recipe of docs/recipes, against the running service.

const docs = resolve(import.meta.dirname, "../../docs/recipes");
let deployment: Deployment;
let sink: HttpSink;

beforeAll(async () => {
  sink = await startHttpSink();
  deployment = await deploy("PostgreSQL and Redis");
});

afterAll(async () => {
  await deployment?.close();
  await sink.close();
});

test("there is a recipe for every call that REST has", async () => {
  const methods = (await allMethods()).filter((method) => hasOption(method, http));
  expect([...new Set(recipes.map(({ method }) => method.name))].sort()).toEqual(
    methods.map(({ name }) => name).sort(),
  );
});

test("buf-curl.md: every block does what it says, from top to bottom", async () => {
  const tenant = await deployment.newTenant();
  const blocks = shellBlocks(readFileSync(join(docs, "buf-curl.md"), "utf8"));
  expect(blocks).toHaveLength(recipes.length + 1);
  const env = { URL: deployment.service.url, SINK_URL: sink.url, KEY: tenant.apiKey, TENANT: tenant.id };
  // A line between the blocks tells how far it came.
  const { stdout } = await runBash(blocks.join("\necho '# done'\n"), env);
  expect(stdout.match(/^# done$/gm)).toHaveLength(recipes.length);
  await expectTrace(tenant);
}, 180_000);

test("the .http file: every request succeeds once the ids were copied to the top", async () => {
  const tenant = await deployment.newTenant();
  const { variables, requests } = parseHttpFile(
    readFileSync(join(docs, "jitsudo-notifications.http"), "utf8"),
  );
  expect(requests).toHaveLength(recipes.length);
  Object.assign(variables, variablesOf(tenant));
  for (const request of requests) {
    const body = await send(request, variables, 0);
    const [, from, name] = request.comment.match(/Copy "(.+)" of the answer to @(\w+)/) ?? [];
    if (from && name) variables[name] = String(valueAt(body, from));
  }
  await expectTrace(tenant);
});

test("the Bruno collection: every request answers what it asserts", async () => {
  const tenant = await deployment.newTenant();
  const folder = join(docs, "bruno");
  const read = (path: string) => readFileSync(join(folder, path), "utf8");
  const { variables: environment } = bruno.bruToEnvJsonV2(read("environments/local.bru"));
  const variables = Object.fromEntries(environment.map(({ name, value }) => [name, value]));
  Object.assign(variables, variablesOf(tenant));
  const { headers } = bruno.collectionBruToJson(read("collection.bru"));
  const files = readdirSync(folder).filter((name) => /^\d.*\.bru$/.test(name));
  const parsed = files.map((name) => bruno.bruToJsonV2(read(name)));
  expect(parsed.map(({ meta }) => Number(meta.seq))).toEqual(recipes.map((_recipe, index) => index + 1));
  for (const { meta, http: call, body, vars, assertions } of parsed) {
    const request: HttpRequest = {
      comment: meta.name,
      method: call.method.toUpperCase(),
      url: call.url,
      headers: Object.fromEntries(headers.map(({ name, value }) => [name, value])),
      body: body?.json,
    };
    const [status] = assertions.map(({ name, value }) => [name, value]);
    expect(status?.[0]).toBe("res.status");
    const answer = await send(request, variables, Number(status?.[1]?.replace("eq ", "")));
    for (const { name, value } of vars?.res ?? []) {
      variables[name] = String(valueAt(answer, value.replace(/^res\.body\./, "")));
    }
  }
  await expectTrace(tenant);
});

test.each([
  ["rotate-a-webhook-secret.md", 1],
  ["replay-after-an-outage.md", 2],
])("how-to/%s: its commands are answered", async (name, count) => {
  const tenant = await deployment.newTenant();
  const { id } = await tenant.api.createWebhook(`${sink.url}/how-to`, { signing_secret: "a secret" });
  const blocks = shellBlocks(readFileSync(join(docs, "../how-to", name), "utf8"));
  expect(blocks).toHaveLength(count);
  const env = { URL: deployment.service.url, KEY: tenant.apiKey, TENANT: tenant.id, CHANNEL_ID: id };
  const { stdout } = await runBash(blocks.join("\n"), env);
  expect(stdout).toMatch(/^\{/);
  expect(stdout).not.toContain('"code"');
});

function variablesOf({ id, apiKey }: Tenant) {
  return { base_url: deployment.service.url, sink_url: sink.url, api_key: apiKey, tenant_id: id };
}

/** `expected`: the status that must come; 0: any success. */
async function send(
  request: HttpRequest,
  variables: Record<string, string>,
  expected: number,
): Promise<unknown> {
  const filled = (text: string) =>
    text.replace(/\{\{(\w+)\}\}/g, (_all, name: string) => {
      const value = variables[name];
      if (!value) throw new Error(`${request.comment}: there is no value for ${name}`);
      return value;
    });
  const headers = Object.entries(request.headers).map(
    ([name, value]) => [name, filled(value)] as [string, string],
  );
  if (request.body !== undefined) headers.push(["Content-Type", "application/json"]);
  const response = await fetch(filled(request.url), {
    method: request.method,
    headers: Object.fromEntries(headers),
    ...(request.body !== undefined && { body: filled(request.body) }),
  });
  const text = await response.text();
  const { status } = response;
  const told = { request: request.comment, status, text };
  expect(told).toEqual({ ...told, status: expected || (response.ok ? status : 200) });
  return text === "" ? undefined : JSON.parse(text);
}

/** The value at a path such as `deliveries[0].id`. */
function valueAt(body: unknown, path: string): unknown {
  return path
    .split(/[.[\]]+/)
    .filter(Boolean)
    .reduce((value, key) => (value as Record<string, unknown>)[key], body);
}

/** All that the recipes leave behind. */
async function expectTrace({ api }: Tenant): Promise<void> {
  const { body } = await api.send<{ channels: unknown[] }>("GET", "/v1/notification-channels");
  expect(body.channels).toEqual([]);
  expect(await api.deliveries({ event_type: "request.break_glass" })).toHaveLength(2);
  await until(() => sink.to("/siem").length > 0);
}
