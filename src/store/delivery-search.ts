import { firstId, lastId, uuidFloor } from "../uuid-v7.ts";
import type { Statement } from "./database.ts";
import { deliveryColumns } from "./delivery-record.ts";
import type { DeliveryState } from "./entities.ts";

/** What is undefined does not narrow the search. */
export interface DeliveryPage {
  /** List what is older than this id. */
  beforeId: string | undefined;
  limit: number;
  channelId: string | undefined;
  eventId: string | undefined;
  requestId: string | undefined;
  state: DeliveryState | undefined;
  eventType: string | undefined;
  /** Created at or after. */
  since: Date | undefined;
  /** Created before. */
  until: Date | undefined;
}

/** The statements of one page, with the values of their parameters. */
export interface PageQuery {
  /** One delivery more than the page has, to tell whether another one follows. */
  select: Statement;
  params: unknown[];
  /** The id at which the search gave up; no row: it came to the end. */
  selectBound: Statement;
  boundParams: unknown[];
}

/** How many entries of an index a page reads at the most: about 0.1 s where they are cached. */
const maxScanned = 50_000;

/** created_at is the start of the transaction; the id's own time is a little later. */
const idDelayMs = 60_000;

/**
 * Reads along the index that is narrowest for what is asked, newest first, and
 * filters the rest. The text depends on which filters are set, and the statement is
 * not kept prepared: a plan for any values would be a bad one for these.
 */
export function pageQuery(tenantId: string, page: DeliveryPage): PageQuery {
  const params: unknown[] = [];
  const param = (value: unknown, type: string) => `$${params.push(value)}::${type}`;
  const tenant = param(tenantId, "uuid");
  const { from, key, where } = sourceOf(page, tenant, param);
  const upper = page.until ? uuidFloor(new Date(page.until.getTime() + idDelayMs)) : lastId;
  const before = page.beforeId !== undefined && page.beforeId < upper ? page.beforeId : upper;
  const inRange = [
    ...where,
    `${key} < ${param(before, "uuid")}`,
    `${key} >= ${param(page.since ? uuidFloor(page.since) : firstId, "uuid")}`,
  ].join(" and ");
  const boundParams = [...params];
  const filters = filtersOf(page, tenant, param).join(" and ");
  const limit = param(page.limit + 1, "int");

  return {
    select: unprepared(`
      select ${deliveryColumns}
      from (select d.* from ${from} where ${inRange} order by ${key} desc limit ${maxScanned}) d
      join channel c on c.id = d.channel_id
      left join delivery_queue q on q.delivery_id = d.id
      where ${filters}
      order by d.id desc limit ${limit}`),
    params,
    selectBound: unprepared(`
      select ${key} as id from ${from} where ${inRange} order by ${key} desc offset ${maxScanned - 1} limit 1`),
    boundParams,
  };
}

interface Source {
  from: string;
  key: string;
  where: string[];
}

type Param = (value: unknown, type: string) => string;

/*
 * Indexes, in the order of the cases: delivery_event; event_request; the queue's own
 * (its size is the backlog's); delivery_unsent_channel or _tenant;
 * delivery_break_glass; delivery_channel or delivery_tenant. Nothing is locked.
 */
function sourceOf(
  { eventId, requestId, state, channelId, eventType }: DeliveryPage,
  tenant: string,
  param: Param,
): Source {
  if (eventId) {
    return {
      from: "delivery d",
      key: "d.id",
      where: [`d.event_id = ${param(eventId, "uuid")}`, `d.tenant_id = ${tenant}`],
    };
  }
  if (requestId) {
    return {
      from: "event e join delivery d on d.event_id = e.id",
      key: "d.id",
      where: [`e.tenant_id = ${tenant}`, `e.request_id = ${param(requestId, "text")}`],
    };
  }
  const ofChannel = (alias: string) =>
    channelId ? [`${alias}.channel_id = ${param(channelId, "uuid")}`] : [];
  if (state === "pending" || state === "delivering") {
    const held = state === "delivering" ? "is not null" : "is null and w.urgent in (true, false)";
    return {
      from: `channel o join delivery_queue w on w.channel_id = o.id and w.lease_token ${held} join delivery d on d.id = w.delivery_id`,
      key: "w.delivery_id",
      where: [`o.tenant_id = ${tenant}`, ...ofChannel("w")],
    };
  }
  if (state && state !== "delivered") {
    return {
      from: "delivery_unsent u join delivery d on d.id = u.delivery_id",
      key: "u.delivery_id",
      where: [`u.tenant_id = ${tenant}`, `u.state = ${param(state, "text")}`, ...ofChannel("u")],
    };
  }
  // In words and not as a parameter, so that the partial index is known to fit.
  const breakGlass = eventType === "request.break_glass" ? ["d.event_type = 'request.break_glass'"] : [];
  return {
    from: "delivery d",
    key: "d.id",
    where: [`d.tenant_id = ${tenant}`, ...ofChannel("d"), ...breakGlass],
  };
}

/** All of them again, whatever the source has seen to: that costs nothing and nothing is forgotten. */
function filtersOf(page: DeliveryPage, tenant: string, param: Param): string[] {
  const { channelId, eventId, state, eventType, since, until } = page;
  return [
    `d.tenant_id = ${tenant}`,
    ...(channelId ? [`d.channel_id = ${param(channelId, "uuid")}`] : []),
    ...(eventId ? [`d.event_id = ${param(eventId, "uuid")}`] : []),
    ...(eventType ? [`d.event_type = ${param(eventType, "text")}`] : []),
    ...(since ? [`d.created_at >= ${param(since.toISOString(), "timestamptz")}`] : []),
    ...(until ? [`d.created_at < ${param(until.toISOString(), "timestamptz")}`] : []),
    ...(state === "delivering" ? ["q.lease_until is not null"] : []),
    ...(state === "pending" ? ["d.state = 'pending'", "q.lease_until is null"] : []),
    ...(state && state !== "delivering" && state !== "pending" ? [`d.state = ${param(state, "text")}`] : []),
  ];
}

function unprepared(text: string): Statement {
  return { name: "", text };
}
