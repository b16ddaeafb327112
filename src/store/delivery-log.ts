import type { SentRequest } from "../channels/channel.ts";
import type { Database } from "./database.ts";
import {
  type DeliveryColumns,
  type DeliveryRecord,
  deliveryColumns,
  deliveryRecord,
} from "./delivery-record.ts";
import { type DeliveryPage, pageQuery } from "./delivery-search.ts";
import { Attempt, type AttemptRow, Event, type EventRow, entitiesOf } from "./entities.ts";

/** An attempt as readers see it. */
export interface AttemptView extends Omit<AttemptRow, "request"> {
  request: SentRequest | undefined;
}

export interface DeliveryList {
  deliveries: DeliveryRecord[];
  /** Where the next page begins: before this id. Undefined: this was the last one. */
  nextBeforeId: string | undefined;
}

export type DeliveryLog = ReturnType<typeof createDeliveryLog>;

/** The deliveries of one tenant, and of no other: the tenant's id is in every query. */
export function createDeliveryLog(database: Database, tenantId: string) {
  const entityManager = () => entitiesOf(database, tenantId);

  return {
    /**
     * Newest first. A page may have fewer deliveries than asked for, or none, while
     * there is another one: no page reads more than a bounded part of the log.
     */
    async list(page: DeliveryPage): Promise<DeliveryList> {
      const query = pageQuery(tenantId, page);
      const rows = await database.query<DeliveryColumns>(query.select, query.params);
      const deliveries = rows.slice(0, page.limit).map(deliveryRecord);
      if (rows.length > page.limit) return { deliveries, nextBeforeId: deliveries.at(-1)?.id };
      // Fewer than asked for: because there are no more, or because the bound was reached?
      const [end] = await database.query<{ id: string }>(query.selectBound, query.boundParams);
      return { deliveries, nextBeforeId: end?.id };
    },

    async get(id: string): Promise<{ delivery: DeliveryRecord; attempts: AttemptView[] } | undefined> {
      const [row] = await database.query<DeliveryColumns>(selectOne, [tenantId, id]);
      if (!row) return undefined;
      const attempts = await entityManager().find(
        Attempt,
        { deliveryId: id },
        { orderBy: { number: "asc" } },
      );
      return { delivery: deliveryRecord(row), attempts: attempts.map(attemptView) };
    },

    /** The event as it was stored. */
    async getEvent(id: string): Promise<EventRow | undefined> {
      return (await entityManager().findOne(Event, { id })) ?? undefined;
    },
  };
}

function attemptView(row: AttemptRow): AttemptView {
  return { ...row, request: row.request ? (JSON.parse(row.request) as SentRequest) : undefined };
}

/* By primary key. */
const selectOne = {
  name: "select_delivery",
  text: `
    select ${deliveryColumns}
    from delivery d join channel c on c.id = d.channel_id left join delivery_queue q on q.delivery_id = d.id
    where d.tenant_id = $1 and d.id = $2`,
};
