import type { Database } from "../../src/store/database.ts";
import { type Behaviour, behaviours, type Seen } from "./endpoints.ts";
import { filters, type PlannedEvent } from "./events.ts";

/** One delivery as the database has it in the end. */
interface DeliveryRow {
  id: string;
  event_id: string;
  channel_id: string;
  state: string;
  attempts: number;
  duplicate_of: string | null;
  completed_at: string | null;
  /** Outcomes of its attempts, in order. */
  outcomes: string[];
}

export interface Reconciled {
  acknowledged: number;
  deliveries: number;
  states: Record<string, number>;
  /** Acknowledged, and not in the database, or without one of its deliveries, or never brought to an end. */
  lost: string[];
  /** What a delivery's state says that did not happen, or the other way round. */
  contradictions: string[];
  attemptsOverLimit: string[];
  /** Deliveries that an endpoint took more than once, by reason. */
  takenTwice: Map<string, number>;
  /** Equal notices that were both taken, by reason. */
  sentTwice: Map<string, number>;
}

export interface ReconcileOptions {
  database: Database;
  events: readonly PlannedEvent[];
  seen: ReadonlyMap<string, Seen>;
  /** Channel ids. */
  channels: Record<Behaviour, string>;
}

const maxAttempts = 3;

/** Compares what was acknowledged, what the database says, and what the endpoints saw. */
export async function reconcile(options: ReconcileOptions): Promise<Reconciled> {
  const { database, events, seen, channels } = options;
  const rows = await database.query<DeliveryRow>({ name: "", text: allDeliveries });
  const byEvent = Map.groupBy(rows, (row) => row.event_id);
  const byId = new Map(rows.map((row) => [row.id, row]));
  const behaviourOf = new Map(behaviours.map((behaviour) => [channels[behaviour], behaviour]));
  const result: Reconciled = {
    acknowledged: events.filter(({ acknowledged }) => acknowledged).length,
    deliveries: rows.length,
    states: Object.fromEntries(
      [...Map.groupBy(rows, ({ state }) => state)].map(([state, { length }]) => [state, length]),
    ),
    lost: [],
    contradictions: [],
    attemptsOverLimit: [],
    takenTwice: new Map(),
    sentTwice: new Map(),
  };

  for (const event of events) {
    const found = byEvent.get(event.acknowledged?.id ?? "") ?? [];
    const wanted = behaviours.filter((behaviour) => wants(behaviour, event.type));
    if (found.length !== wanted.length || found.length !== event.acknowledged?.deliveries) {
      result.lost.push(`${event.idempotencyKey}: ${found.length} of ${wanted.length} deliveries`);
    }
    for (const row of found) checkDelivery(row, event);
  }
  countSentTwice();
  return result;

  function checkDelivery(row: DeliveryRow, event: PlannedEvent): void {
    const behaviour = behaviourOf.get(row.channel_id);
    const hits = seen.get(row.id) ?? { requests: 0, taken: 0 };
    const at = `${event.idempotencyKey} on ${behaviour}: ${row.state} after ${row.outcomes.join(", ") || "nothing"}`;
    if (row.state === "pending") result.lost.push(at);
    else if (!isPlausible(row, event, behaviour, hits.taken))
      result.contradictions.push(`${at}; taken ${hits.taken} times`);
    if (row.attempts > maxAttempts || row.outcomes.length > maxAttempts || hits.requests > maxAttempts) {
      result.attemptsOverLimit.push(`${at}; ${hits.requests} requests`);
    }
    if (hits.taken > 1) {
      const reason = row.outcomes.includes("interrupted")
        ? "its worker was killed, or paused past its lease, between send and record"
        : "the endpoint took an attempt whose answer did not come in time";
      count(result.takenTwice, row.outcomes.length > 1 ? reason : "UNEXPLAINED");
      if (row.outcomes.length <= 1)
        result.contradictions.push(`${at}; taken ${hits.taken} times without a reason`);
    }
  }

  function isPlausible(
    row: DeliveryRow,
    event: PlannedEvent,
    behaviour: Behaviour | undefined,
    taken: number,
  ): boolean {
    switch (row.state) {
      case "delivered":
        return taken > 0 && row.outcomes.at(-1) === "delivered";
      case "failed":
        return row.attempts === maxAttempts || (behaviour === "gone-410" && row.outcomes.at(-1) === "failed");
      case "expired":
        return (
          event.deliverBefore !== undefined &&
          new Date(row.completed_at ?? 0).getTime() >= event.deliverBefore - 50
        );
      case "deduplicated": {
        const first = byId.get(row.duplicate_of ?? "");
        return event.repeats !== undefined && first?.channel_id === row.channel_id && first.id !== row.id;
      }
      default:
        return false;
    }
  }

  /** Equal events whose second notice was not suppressed: it can only be so that the key was not there. */
  function countSentTwice(): void {
    const requests = Map.groupBy(events, ({ requestId }) => requestId);
    for (const equal of requests.values()) {
      if (equal.length < 2) continue;
      const deliveries = equal.flatMap(({ acknowledged }) => byEvent.get(acknowledged?.id ?? "") ?? []);
      for (const sameChannel of Map.groupBy(deliveries, ({ channel_id }) => channel_id).values()) {
        const taken = sameChannel.filter(({ id }) => (seen.get(id)?.taken ?? 0) > 0).length;
        if (taken > 1) count(result.sentTwice, "Redis was away, or had lost its keys", taken - 1);
      }
    }
  }
}

function wants(behaviour: Behaviour, type: string): boolean {
  return filters[behaviour].length === 0 || filters[behaviour].includes(type);
}

function count(counts: Map<string, number>, key: string, by = 1): void {
  counts.set(key, (counts.get(key) ?? 0) + by);
}

const allDeliveries = `
  select d.id, d.event_id, d.channel_id, d.state, d.attempts, d.duplicate_of, d.completed_at,
    coalesce(array_agg(a.outcome order by a.number) filter (where a.number is not null), '{}') as outcomes
  from delivery d left join attempt a on a.delivery_id = d.id
  group by d.id`;
