import { readdirSync } from "node:fs";
import { join } from "node:path";
import { getOption, hasOption } from "@bufbuild/protobuf";
import { afterAll, beforeAll, describe, expect, test } from "vitest";
import { http } from "../../gen/google/api/annotations_pb.js";
import { required_scope } from "../../gen/jitsudo/notifications/v1/options_pb.js";
import { type Deployment, deploy, type Tenant } from "../e2e/deployment.ts";
import { allMethods } from "../security/all-methods.ts";
import { type HttpSink, startHttpSink } from "../sinks/http-sink.ts";
import { type Answer, showCalls } from "./calls.ts";
import { type Exchange, exchange, type Message, type Protocol, requestOf } from "./exchange.ts";
import { createNormaliser } from "./normalise.ts";
import { showRefusals } from "./refusals.ts";
import { showStreams } from "./streams.ts";

// The JSON of every request and answer, word for word. A difference is a change of the
// contract: docs/compatibility.md says which are allowed. `npm run golden` writes the
// files anew.

const golden = join(import.meta.dirname, "golden");
const methods = await allMethods();
const fileOf = (name: string) => `${name}.json`;
const protocols = ["rest", "connect"] as const;
/** What every refusal that is no method's own is filed under. */
const refusals = "refusals";

let deployment: Deployment;
let sink: HttpSink;
let records: Map<string, Record<string, unknown[]>>;

beforeAll(async () => {
  sink = await startHttpSink();
  deployment = await deploy("PostgreSQL and Redis", { JITSUDO_MAX_BODY_BYTES: "100000" });
  records = new Map([...methods.map(({ name }) => name), refusals].map((name) => [name, {}]));
  sink.respond("/gone", { status: 410, body: "gone" });
  for (const protocol of protocols) await record(protocol);
}, 200_000);

afterAll(async () => {
  await deployment?.close();
  await sink?.close();
});

describe("what goes over the wire", () => {
  test("is on file for every method, and nothing else is", () => {
    expect(readdirSync(golden).sort()).toEqual(
      [...methods.map(({ name }) => name), refusals].map(fileOf).sort(),
    );
  });

  test.each([...methods.map(({ name }) => name), refusals])("%s", async (name) => {
    const text = `${JSON.stringify(records.get(name), undefined, 2)}\n`;
    await expect(text).toMatchFileSnapshot(join(golden, fileOf(name)));
  });
});

/** Goes through all calls as a tenant of its own and keeps the exchanges by method. */
async function record(protocol: Protocol): Promise<void> {
  const tenant = await deployment.newTenant();
  const exchanges = new Map<string, Exchange[]>();
  const keep = (name: string, one: Exchange) => exchanges.set(name, [...(exchanges.get(name) ?? []), one]);
  const { url } = deployment.service;

  async function send(name: string, example: string, message: Message): Promise<Exchange> {
    const request = requestOf(protocol, methodNamed(name), message);
    return exchange(url, example, request, credentials(tenant));
  }
  await showCalls({
    sink,
    async call(name, example, message) {
      const one = await send(name, example, message);
      keep(name, one);
      return one.response.body as Answer;
    },
    quietly: async (name, message) => (await send(name, "", message)).response.body as Answer,
  });

  for (const method of methods.filter((method) => method.methodKind === "unary" && hasOption(method, http))) {
    const id = "0190a0b0-0000-7000-8000-000000000000";
    const request = requestOf(
      protocol,
      method,
      method.input.fields.some(({ name }) => name === "id") ? { id } : {},
    );
    keep(method.name, await exchange(url, "without a key", request, credentials({ ...tenant, apiKey: "" })));
    const weak = await weakTenant(tenant.id, getOption(method, required_scope));
    keep(method.name, await exchange(url, "a key without the scope", request, credentials(weak)));
  }
  for (const one of await showRefusals(protocol, deployment, tenant)) keep(refusals, one);
  if (protocol === "connect") {
    for (const [name, one] of await showStreams(url, credentials(tenant), tenant.api, sink.url))
      keep(name, one);
  }
  for (const [name, list] of exchanges) {
    const entry = records.get(name);
    if (entry) entry[protocol] = list.map((one) => normalised(one));
  }
}

function normalised(one: Exchange): unknown {
  return createNormaliser()(one);
}

const weakTenants = new Map<string, Tenant>();

/** A key that lacks every scope but one that is another. */
async function weakTenant(tenantId: string, scope: string): Promise<Tenant> {
  const other = scope === "audit:read" ? "channels:read" : "audit:read";
  const known = weakTenants.get(tenantId + other) ?? (await deployment.newKey(tenantId, [other]));
  weakTenants.set(tenantId + other, known);
  return known;
}

function methodNamed(name: string) {
  const method = methods.find((method) => method.name === name);
  if (!method) throw new Error(`There is no method ${name}`);
  return method;
}

function credentials({ id, apiKey }: Pick<Tenant, "id" | "apiKey">): Record<string, string> {
  return { ...(apiKey && { "X-API-Key": apiKey }), "X-Tenant-ID": id };
}
