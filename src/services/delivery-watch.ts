import { create } from "@bufbuild/protobuf";
import { timestampFromDate } from "@bufbuild/protobuf/wkt";
import {
  type WatchDeliveriesRequest,
  type WatchDeliveriesResponse,
  WatchDeliveriesResponseSchema,
} from "../../gen/jitsudo/notifications/v1/delivery_pb.js";
import type { TenantChanges } from "../store/change-feed.ts";
import { changesKeptMs, type DeliveryChange, type Position } from "../store/delivery-changes.ts";
import { deliveryMessage } from "./delivery-messages.ts";
import { apiError, invalidField } from "./errors.ts";
import { createTenantBound } from "./tenant-bound.ts";

/** How often a stream on which nothing happens says that it lives. */
const idleMs = 15_000;

/** How many of one tenant may watch at the same time. */
const maxWatches = 50;

/** WatchDeliveries of one process. */
export function createDeliveryWatch() {
  const open = createTenantBound(maxWatches);

  /** Refuses who would be one too many. */
  return async function* watch(
    tenantId: string,
    changes: TenantChanges,
    request: WatchDeliveriesRequest,
    signal: AbortSignal,
  ): AsyncGenerator<WatchDeliveriesResponse> {
    const close = open(tenantId);
    if (!close) {
      const message = `the tenant has ${maxWatches} open watches on this server and may not have more`;
      throw apiError("resource_exhausted", message);
    }
    try {
      yield* watchDeliveries(changes, request, signal);
    } finally {
      close();
    }
  };
}

/** Ends with an error alone: whoever watches wants to go on. */
async function* watchDeliveries(
  changes: TenantChanges,
  request: WatchDeliveriesRequest,
  signal: AbortSignal,
): AsyncGenerator<WatchDeliveriesResponse> {
  let { position, at } = await startOf(changes, request.cursor);
  yield response(position, at);
  for await (const found of changes.watch(position, idleMs, signal)) {
    let told = false;
    for (const [index, change] of found.entries()) {
      // All that one statement changed has one position: it is reached with the last of them.
      if (found[index + 1]?.position.seq !== change.position.seq) {
        position = change.position;
        at = change.changedAt;
      }
      told = matches(change, request);
      if (told) yield response(position, at, change);
    }
    if (!told) yield response(position, found.length > 0 ? at : new Date());
  }
  throw apiError("unavailable", "the server is stopping: go on with the last cursor");
}

async function startOf(changes: TenantChanges, cursor: string): Promise<{ position: Position; at: Date }> {
  if (cursor === "") return { position: await changes.current(), at: new Date() };
  const start = parseCursor(cursor);
  if (!start || !(await changes.isPast(start.position)))
    throw invalidField("cursor", "must be a cursor of this method");
  if (start.at.getTime() < Date.now() - changesKeptMs) {
    throw invalidField(
      "cursor",
      "is older than 24 hours: begin without one, and ask ListDeliveries for what was missed",
    );
  }
  return start;
}

function matches({ delivery, state }: DeliveryChange, wanted: WatchDeliveriesRequest): boolean {
  return (
    fits(wanted.channelId.toLowerCase(), delivery.channelId) &&
    fits(wanted.eventId.toLowerCase(), delivery.eventId) &&
    fits(wanted.eventType, delivery.eventType) &&
    fits(wanted.state, state) &&
    fits(wanted.requestId, delivery.requestId)
  );
}

function fits(wanted: string, value: string | null): boolean {
  return wanted === "" || wanted === value;
}

function response(position: Position, at: Date, change?: DeliveryChange): WatchDeliveriesResponse {
  return create(WatchDeliveriesResponseSchema, {
    cursor: Buffer.from(`${position.xid}.${position.seq}.${at.getTime()}`).toString("base64url"),
    ...(change && {
      change: {
        state: change.state,
        changedAt: timestampFromDate(change.changedAt),
        delivery: deliveryMessage(change.delivery),
      },
    }),
  });
}

function parseCursor(cursor: string): { position: Position; at: Date } | undefined {
  const text = Buffer.from(cursor, "base64url").toString();
  // What is no base64url was left out of it.
  if (Buffer.from(text).toString("base64url") !== cursor) return undefined;
  const [, xid, seq, at] = /^(\d{1,18})\.(\d{1,19})\.(\d{1,15})$/.exec(text) ?? [];
  if (xid === undefined || seq === undefined || BigInt(seq) > 9_223_372_036_854_775_807n) return undefined;
  return { position: { xid, seq }, at: new Date(Number(at)) };
}
