import { hash } from "node:crypto";
import { createBatcher } from "../async/batcher.ts";
import { createHeldAmounts } from "../async/held-amounts.ts";
import type { ChannelType } from "../channels/channel.ts";
import type { NoticeType } from "../events.ts";
import type { Database } from "./database.ts";
import type { Claimed } from "./delivery-queue.ts";
import { createFanOut } from "./fan-out.ts";
import { insertEvents, payloadSeparator, selectKnown } from "./ingest.sql.ts";
import { isDatabaseUnavailable } from "./unavailable.ts";

/** An event that is ready to be stored. */
export interface NewEvent {
  /** UUIDv7. */
  id: string;
  tenantId: string;
  type: NoticeType;
  /** Canonical JSON of an EventPayload. */
  payload: string;
  /** Its `payloadHash`. */
  payloadHash: string;
  idempotencyKey: string | undefined;
  /** The request that it is about, to find its deliveries by. */
  requestId: string | undefined;
  /** Deliveries with the same subject keep their order on a channel. */
  subject: string | undefined;
  /** When the notice becomes useless. */
  expiresAt: Date | undefined;
  /** Where `expiresAt` is undefined: so long after it was stored. */
  maxAgeMs: number | undefined;
  /** Where the trace of its deliveries goes on: a W3C `traceparent`. */
  traceparent?: string | undefined;
}

/** What makes two payloads equal: the SHA-256 of a payload, in hex. */
export function payloadHash(payload: string): string {
  return hash("sha256", payload);
}

/** What became of it. */
export type Ingested =
  | { kind: "accepted"; id: string; deliveries: number }
  /** The idempotency key was known and the event is the same. */
  | { kind: "replayed"; id: string; deliveries: number }
  /** The idempotency key was known, but for another event. */
  | { kind: "conflict" };

/** Where deliveries go at once that nobody needs to claim, since a worker of this process has room. */
export interface HandOver {
  /** What the next statement may hand over; undefined: nothing. */
  offer(): Offer | undefined;
}

/** Room for deliveries under one lease. To be ended, by `accept` or by `lost`. */
export interface Offer {
  leaseToken: string;
  leaseMs: number;
  /** Break-glass deliveries, and others, that there is room for. */
  urgent: number;
  normal: number;
  /**
   * The same for one channel or tenant, by its id (with "!" in front: its break-glass); for a
   * channel without an entry by its kind, or else `ofLine`; for a tenant by "tenant" and "!tenant".
   */
  lines: Record<string, number>;
  ofLine: number;
  /** Failed attempts in a row from which on a channel gets nothing by this way. */
  failures: number;
  accept(taken: Claimed[]): void;
  /** The answer never came: whether something was handed over, is not known. */
  lost(): void;
}

export interface Ingest {
  /** Resolves when the event is committed with its deliveries. */
  add(event: NewEvent): Promise<Ingested>;
  /** What of a tenant's may not wait to be stored, with so many more events: "10000 events". Undefined: all may. */
  excess(tenantId: string, events: number): string | undefined;
}

export interface IngestOptions {
  /** Told how many events each statement stores. */
  onBatch: (size: number) => void;
  /** Channels that a tenant may have. */
  maxChannels: number;
  /** Absent: all deliveries wait to be claimed. */
  handOver?: HandOver | undefined;
}

/** Statements that run at the same time. */
const concurrency = 2;
/** Events that a statement stores at the most. */
const maxEvents = 500;
/** Where its events become more deliveries than this, a statement stores fewer of them: others wait for it. */
const maxDeliveries = 2_000;
/** The embedded database takes several times as long, and has one thread for everything. */
const maxDeliveriesEmbedded = 500;
/** Characters that the payloads of a statement have at the most: also large ones take their time. */
const maxCharacters = 2_000_000;
/** Events of one tenant that may wait to be stored. */
const maxWaiting = 10_000;
/** Characters from which on the payloads that wait are too many for more: large ones fill the memory of all. */
const maxCharactersWaiting = 16_000_000;

/**
 * Stores events, each with one delivery for every enabled channel that wants it.
 * Concurrent calls share a transaction; it is committed when the promise resolves. Events
 * with the same subject are stored in the order of their calls. Tenants take turns.
 */
export function createIngest(database: Database, { onBatch, maxChannels, handOver }: IngestOptions): Ingest {
  const fanOut = createFanOut(maxChannels);
  const eventsADelivery = maxEvents / (database.embedded ? maxDeliveriesEmbedded : maxDeliveries);
  const batchers = Array.from({ length: concurrency }, () =>
    createBatcher<NewEvent, Ingested>({
      async run(events) {
        const results = await storeEvents(database, events, handOver?.offer());
        fanOut.learn(events, results);
        return results;
      },
      maxItems: maxEvents,
      ownerOf: (event) => event.tenantId,
      weightOf: (event) =>
        Math.max(1, fanOut.of(event) * eventsADelivery, (event.payload.length / maxCharacters) * maxEvents),
      // One caller's event must not fail the others' that happen to share its batch.
      isolate: (error) => !isDatabaseUnavailable(error),
      onBatch,
    }),
  );
  /** By tenant, until they are stored. */
  const characters = createHeldAmounts();

  return {
    add(event) {
      const { tenantId, payload } = event;
      characters.add(tenantId, payload.length);
      const stored = batcherOf(batchers, event.subject ?? event.id).add(event);
      return stored.finally(() => characters.add(tenantId, -payload.length));
    },
    excess(tenantId, events) {
      const waiting = batchers.reduce((sum, batcher) => sum + batcher.waitingOf(tenantId), events);
      if (waiting > maxWaiting) return `${maxWaiting} events`;
      const tooLong = characters.of(tenantId) > maxCharactersWaiting;
      return tooLong ? `${maxCharactersWaiting} characters of events` : undefined;
    },
  };
}

/** The same one for equal texts, and for others any. */
function batcherOf<Each>(batchers: Each[], text: string): Each {
  let sum = 0;
  for (let at = 0; at < text.length; at++) sum += text.charCodeAt(at);
  return batchers[sum % batchers.length] as Each;
}

async function storeEvents(
  database: Database,
  events: NewEvent[],
  offer: Offer | undefined,
): Promise<Ingested[]> {
  const made = await insert(database, events, offer);
  const known = await findKnown(
    database,
    events.filter(({ id }) => !made.has(id)),
  );
  return events.map((event): Ingested => {
    const count = made.get(event.id);
    if (count !== undefined) return { kind: "accepted", id: event.id, deliveries: count };
    const first = known.get(keyOf(event));
    // The first event was removed between the two statements: its key is spent all the same.
    if (!first || first.payload_hash !== event.payloadHash) return { kind: "conflict" };
    return { kind: "replayed", id: first.id, deliveries: first.deliveries };
  });
}

interface MadeEvent {
  id: string;
  deliveries: number;
  receivedAt: string;
  /** The deliveries that were handed over; null: none. */
  taken: { deliveryId: string; channelId: string; channelType: ChannelType; channelVersion: string }[] | null;
}

/** Answers how many deliveries each event has, except for those whose idempotency key is known. */
async function insert(
  database: Database,
  events: NewEvent[],
  offer: Offer | undefined,
): Promise<Map<string, number>> {
  let made: MadeEvent[];
  try {
    made = await database.query<MadeEvent>(insertEvents, [
      events.map((event) => event.id),
      events.map((event) => event.tenantId),
      events.map((event) => event.type),
      events.map((event) => event.payload).join(payloadSeparator),
      events.map((event) => event.payloadHash),
      events.map((event) => event.idempotencyKey ?? null),
      events.map((event) => event.subject ?? null),
      events.map((event) => event.expiresAt?.toISOString() ?? null),
      events.map((event) => event.requestId ?? null),
      events.map((event) => event.traceparent ?? null),
      offer?.leaseToken ?? null,
      offer?.leaseMs ?? 0,
      offer?.urgent ?? 0,
      offer?.normal ?? 0,
      JSON.stringify(offer?.lines ?? {}),
      offer?.ofLine ?? 0,
      offer?.failures ?? 0,
      events.map((event) => event.maxAgeMs ?? null),
    ]);
  } catch (error) {
    if (isDatabaseUnavailable(error)) offer?.lost();
    else offer?.accept([]);
    throw error;
  }
  offer?.accept(takenOf(made, events));
  return new Map(made.map((row) => [row.id, row.deliveries]));
}

function takenOf(made: MadeEvent[], events: NewEvent[]): Claimed[] {
  const byId = new Map(events.map((event) => [event.id, event]));
  return made.flatMap(({ id, receivedAt, taken }) => {
    const event = byId.get(id);
    if (!event || !taken) return [];
    const { tenantId, type, payload, payloadHash, traceparent = null, expiresAt } = event;
    const storedAt = new Date(receivedAt);
    const expiresInMs = expiresAt ? expiresAt.getTime() - storedAt.getTime() : event.maxAgeMs;
    return taken.map((delivery) => ({
      ...delivery,
      tenantId,
      eventId: id,
      urgent: type === "request.break_glass",
      attempt: 1,
      payload,
      payloadHash,
      traceparent,
      receivedAt: storedAt,
      expiresAtMs: expiresInMs === undefined ? undefined : performance.now() + expiresInMs,
      replayed: false,
    }));
  });
}

interface KnownEvent {
  tenant_id: string;
  idempotency_key: string;
  id: string;
  payload_hash: string;
  deliveries: number;
}

async function findKnown(database: Database, events: NewEvent[]): Promise<Map<string, KnownEvent>> {
  if (events.length === 0) return new Map();
  const rows = await database.query<KnownEvent>(selectKnown, [
    events.map((event) => event.tenantId),
    events.map((event) => event.idempotencyKey ?? null),
  ]);
  return new Map(
    rows.map((row) => [keyOf({ tenantId: row.tenant_id, idempotencyKey: row.idempotency_key }), row]),
  );
}

function keyOf({ tenantId, idempotencyKey }: Pick<NewEvent, "tenantId" | "idempotencyKey">): string {
  return `${tenantId}/${idempotencyKey}`;
}
