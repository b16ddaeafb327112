import type { DescMethod } from "@bufbuild/protobuf";
import { EventIngestService } from "../../gen/jitsudo/notifications/v1/event_pb.js";
import { allMethods } from "../security/all-methods.ts";
import { openRig, type Rig } from "../security/rig.ts";
import { createRandom } from "../support/random.ts";
import type { Service } from "../support/service.ts";
import { type Credentials, createRequests, type FuzzRequest } from "./requests.ts";
import { createSender, type Outcome, type Sender } from "./sender.ts";

export interface FuzzOptions {
  count: number;
  seed: number;
  /** A PostgreSQL server to make a database in. */
  postgresUrl: string;
  onProgress(line: string): void;
}

export interface FuzzReport {
  /** How often each answer came. */
  answers: Record<string, number>;
  /** What should not have been answered, with what it takes to send it again. */
  wrong: { index: number; request: string; answer: string; text: string }[];
  /** Resident memory of the service in MiB, taken at even distances. */
  memoryMiB: number[];
  /** What the service logged as an error. */
  errors: string[];
  alive: boolean;
  /** Whether memory went on growing after it had time to settle. */
  grew: boolean;
  seconds: number;
}

const inFlight = 48;
const samples = 200;
const maxWrong = 50;

/** Sends `count` requests that are wrong in every way to a service of its own, and tells how it took them. */
export async function fuzz({ count, seed, postgresUrl, onProgress }: FuzzOptions): Promise<FuzzReport> {
  const startedAt = performance.now();
  const rig = await openRig(postgresUrl, {
    JITSUDO_ROLE: "api",
    JITSUDO_LOG_LEVEL: "warn",
    JITSUDO_RATE_LIMIT_PER_SECOND: "0",
    JITSUDO_ALLOW_DESTINATIONS: "127.0.0.0/8",
  });
  try {
    const service = await rig.start();
    const next = createRequests(createRandom(seed), await prepare(rig, service));
    const sender = createSender(service.url);
    const report = await run(service, sender, next, count, onProgress);
    await sender.close();
    return {
      ...report,
      grew: hasGrown(report.memoryMiB),
      seconds: Math.round((performance.now() - startedAt) / 1000),
    };
  } finally {
    await rig.close();
  }
}

/** Two tenants: one whose channels come and go, and one whose events reach no channel. */
async function prepare(rig: Rig, service: Service) {
  const credentials = async (name: string): Promise<Credentials> => {
    const tenantId = await rig.createTenant(name);
    return { tenantId, apiKey: (await rig.createKey(tenantId)).apiKey };
  };
  const [channels, events] = [await credentials("channels"), await credentials("events")];
  const api = rig.api(service, { id: "", apiKey: channels.apiKey }, channels.tenantId);
  const ids: string[] = [];
  for (let index = 0; index < 20; index++) {
    ids.push((await api.createWebhook("http://127.0.0.1:9/fuzz", { name: `channel ${index}` })).id);
  }
  return {
    methods: await allMethods(),
    ids,
    credentialsFor: ({ parent }: DescMethod) =>
      parent.typeName === EventIngestService.typeName ? events : channels,
  };
}

async function run(
  service: Service,
  sender: Sender,
  next: () => FuzzRequest,
  count: number,
  onProgress: (line: string) => void,
): Promise<Omit<FuzzReport, "seconds" | "grew">> {
  const answers: Record<string, number> = {};
  const wrong: FuzzReport["wrong"] = [];
  const memoryMiB: number[] = [];
  const sampleEvery = Math.max(1, Math.floor(count / samples));
  let sent = 0;

  async function worker(): Promise<void> {
    while (sent < count && service.running()) {
      const index = sent++;
      const request = next();
      note(index, request, await sender.send(request));
      if (index % sampleEvery === sampleEvery - 1) await sample(index);
    }
  }

  function note(index: number, request: FuzzRequest, { answer, wrong: text }: Outcome): void {
    const key = `${request.kind}: ${answer}`;
    answers[key] = (answers[key] ?? 0) + 1;
    if (text !== undefined && wrong.length < maxWrong) {
      wrong.push({ index, request: describe(request), answer, text });
    }
  }

  async function sample(index: number): Promise<void> {
    const mebibytes = await residentMiB(service);
    memoryMiB.push(mebibytes);
    onProgress(`${index + 1} sent, ${mebibytes} MiB resident, ${wrong.length} wrong answers`);
  }

  await Promise.all(Array.from({ length: inFlight }, worker));
  const alive = service.running() && (await fetch(`${service.url}/readyz`)).ok;
  const errors = service
    .stderr()
    .split("\n")
    .filter((line) => line !== "" && !line.startsWith('{"level":40'));
  return { answers, wrong, memoryMiB, errors: errors.slice(0, maxWrong), alive };
}

/** The last quarter against the second: the first is when caches and the heap fill. */
function hasGrown(memoryMiB: number[]): boolean {
  const quarter = Math.floor(memoryMiB.length / 4);
  const mean = (values: number[]) => values.reduce((sum, value) => sum + value, 0) / values.length;
  const before = mean(memoryMiB.slice(quarter, 2 * quarter));
  return mean(memoryMiB.slice(-quarter)) > before * 1.2 + 32;
}

async function residentMiB(service: Service): Promise<number> {
  const page = await (await fetch(`${service.url}/metrics`)).text();
  return Math.round(Number(/^process_resident_memory_bytes (\S+)/m.exec(page)?.[1]) / 1_048_576);
}

/** Without the credentials. */
function describe({ kind, method, path, headers, body }: FuzzRequest): string {
  const { "x-api-key": _key, ...others } = headers;
  return `${kind} ${method} ${path} ${JSON.stringify(others)} ${body.subarray(0, 2_000).toString("base64")}`;
}
