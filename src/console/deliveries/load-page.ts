import type { Delivery } from "../../../gen/jitsudo/notifications/v1/delivery_pb.js";
import type { Clients } from "../api/clients.ts";
import { type DeliveryFilter, listRequest } from "./filter.ts";

/** A page of the delivery log. */
export interface DeliveryPage {
  deliveries: Delivery[];
  /** Where the next one begins; empty: this is the last one. */
  next: string;
}

export const pageSize = 50;

/** So many stretches of the log are searched before the user is asked. */
const maxStretches = 20;

/** Reads on while the search for rare deliveries finds none yet. */
export async function loadPage(
  { deliveries }: Clients,
  filter: DeliveryFilter,
  pageToken: string,
  signal: AbortSignal,
): Promise<DeliveryPage> {
  const found: Delivery[] = [];
  let next = pageToken;
  for (let stretch = 0; stretch < maxStretches; stretch++) {
    const request = { ...listRequest(filter), pageSize: pageSize - found.length, pageToken: next };
    const answer = await deliveries.listDeliveries(request, { signal });
    found.push(...answer.deliveries);
    next = answer.nextPageToken;
    if (next === "" || found.length >= pageSize) break;
  }
  return { deliveries: found, next };
}
