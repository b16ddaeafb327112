import type { Quota, WaitingChannel } from "../store/delivery-queue.ts";

/** How many more deliveries can be started now. */
export interface Capacity {
  /** In all, for break-glass or for the rest. */
  total(urgent: boolean): number;
  /** On one channel, for break-glass or for the rest. */
  ofChannel(channel: WaitingChannel): number;
}

/**
 * Deals the free capacity out fairly: tenants take turns, and within a tenant its
 * channels take turns, so that a backlog of any size costs others at most their
 * turn. Break-glass has capacity of its own and is dealt first.
 */
export function allocate(waiting: WaitingChannel[], capacity: Capacity): Quota[] {
  return [true, false].flatMap((urgent) =>
    deal(
      waiting.filter((channel) => channel.urgent === urgent),
      capacity.total(urgent),
      capacity.ofChannel,
    ),
  );
}

interface Seat {
  quota: Quota;
  left: number;
}

function deal(waiting: WaitingChannel[], total: number, ofChannel: Capacity["ofChannel"]): Quota[] {
  const seats = waiting
    .map((channel) => ({
      tenantId: channel.tenantId,
      quota: { channelId: channel.channelId, urgent: channel.urgent, count: 0 },
      left: ofChannel(channel),
    }))
    .filter(({ left }) => left > 0);
  const tenants = [...Map.groupBy(seats, ({ tenantId }) => tenantId).values()].map((seats) => ({
    seats,
    turn: 0,
  }));

  let left = total;
  while (left > 0 && tenants.length > 0) {
    for (let index = 0; index < tenants.length && left > 0; ) {
      const tenant = tenants[index] as { seats: Seat[]; turn: number };
      const at = tenant.turn % tenant.seats.length;
      const seat = tenant.seats[at] as Seat;
      seat.quota.count++;
      seat.left--;
      left--;
      if (seat.left === 0) tenant.seats.splice(at, 1);
      else tenant.turn = at + 1;
      if (tenant.seats.length === 0) tenants.splice(index, 1);
      else index++;
    }
  }
  return seats.map(({ quota }) => quota).filter(({ count }) => count > 0);
}
