import { afterAll, beforeAll, describe, expect, inject, it } from "vitest";
import { type Api, createApi } from "../e2e/api.ts";
import { type SnsEndpoint, startSnsEndpoint } from "../sinks/sns-endpoint.ts";
import type { Service } from "../support/service.ts";
import { openRig, type Rig } from "./rig.ts";

const own = { accessKeyId: "AKIAEXAMPLEEXAMPLE12", secretAccessKey: "the-secret-of-the-service" };
const topic_arn = "arn:aws:sns:eu-central-1:210987654321:access";
const role_arn = "arn:aws:iam::210987654321:role/publisher";
const elsewhere = "0190a0b0-1111-7000-8000-000000000001";

interface Tenant {
  id: string;
  apiKey: string;
}

let rig: Rig;
let service: Service;
let sns: SnsEndpoint;
let ours: Tenant;
let theirs: Tenant;
beforeAll(async () => {
  rig = await openRig(inject("postgresUrl"));
  const create = async (name: string) => {
    const id = await rig.createTenant(name);
    return { id, apiKey: (await rig.createKey(id)).apiKey };
  };
  [ours, theirs] = [await create("ours"), await create("theirs")];
  // Their role, as AWS advises: it asks for what the service alone can say of them.
  sns = await startSnsEndpoint({ credentials: own, roles: { [role_arn]: { externalId: theirs.id } } });
});
afterAll(async () => {
  await rig.close();
  await sns.close();
});

async function start(env: Record<string, string>): Promise<void> {
  service = await rig.start({
    AWS_ACCESS_KEY_ID: own.accessKeyId,
    AWS_SECRET_ACCESS_KEY: own.secretAccessKey,
    AWS_ENDPOINT_URL_SNS: sns.url,
    AWS_ENDPOINT_URL_STS: sns.url,
    ...env,
  });
}

const apiOf = ({ id, apiKey }: Tenant): Api => createApi(service.url, apiKey, id);
const createSns = (tenant: Tenant, config: object) =>
  apiOf(tenant).send<{ id: string }>("POST", "/v1/notification-channels/aws-sns", {
    name: "sns",
    topic_arn,
    ...config,
  });
const test = (tenant: Tenant, id: string) =>
  apiOf(tenant).send("POST", `/v1/notification-channels/${id}/test`, {});

const refused = (field: string, message: string) => ({
  status: 400,
  body: { code: "invalid_argument", details: { fields: [{ field, message }] } },
});
const roleMissing = "must be named: the operator lets no channel publish without a role of its tenant";

describe("SNS channels that publish with roles of their tenants alone", () => {
  let without: string;
  let borrowed: string;
  beforeAll(async () => {
    // Made before the operator decided so.
    await start({ JITSUDO_ROLE: "api" });
    without = (await createSns(ours, {})).body.id;
    borrowed = (await createSns(ours, { role_arn, external_id: theirs.id })).body.id;
    await service.stop();
    await start({ JITSUDO_SNS_CREDENTIALS: "tenant_role" });
  });

  it("name one, and no external id but their tenant's", async () => {
    expect(await createSns(ours, {})).toMatchObject(refused("role_arn", roleMissing));
    const message = `must be absent or the tenant's id, ${ours.id}, which is sent with every role`;
    for (const external_id of [theirs.id, elsewhere, "tenant-7"]) {
      const reply = await createSns(ours, { role_arn, external_id });
      expect(reply).toMatchObject(refused("external_id", message));
    }
    const made = await createSns(ours, { role_arn });
    expect(made.status).toBe(201);
    const path = `/v1/notification-channels/${made.body.id}`;
    for (const [method, to] of [
      ["PUT", path],
      ["POST", `${path}:compare`],
    ] as const) {
      const reply = await apiOf(ours).send(method, to, { config: { topic_arn } });
      expect(reply).toMatchObject(refused("config.role_arn", roleMissing));
    }
    expect((await createSns(ours, { role_arn, external_id: ours.id })).status).toBe(201);
  });

  it("assume it with their tenant's id, whatever another tenant names", async () => {
    const channel = (await createSns(theirs, { role_arn })).body;
    expect(await test(theirs, channel.id)).toMatchObject({ status: 200, body: { outcome: "delivered" } });
    expect(sns.assumedRoles.at(-1)).toMatchObject({ roleArn: role_arn, externalId: theirs.id });

    const before = sns.messages.length;
    const strange = (await createSns(ours, { role_arn })).body;
    for (const id of [strange.id, borrowed]) {
      expect(await test(ours, id)).toMatchObject({
        body: { outcome: "failed", error: expect.stringMatching(/^AccessDenied: /) },
      });
    }
    expect(sns.messages).toHaveLength(before);
  });

  it("that were made before without one send nothing, say why, and can be disabled", async () => {
    const error = "the channel names no role_arn, and the operator lets none publish without";
    expect(await test(ours, without)).toMatchObject({ body: { outcome: "failed", error } });
    const { id } = await apiOf(ours).ingest({ type: "grant.active" });
    const delivery = (await apiOf(ours).settled(id)).find(({ channel_id }) => channel_id === without);
    expect(delivery).toMatchObject({ state: "failed", attempt_count: 1, last_error: error });
    const path = `/v1/notification-channels/${without}`;
    expect(await apiOf(ours).send("PUT", path, { enabled: false })).toMatchObject({ status: 200 });
  });
});
