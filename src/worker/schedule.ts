import type { Quota, WaitingChannel } from "../store/delivery-queue.ts";

/** How many more deliveries can be started now. */
export interface Capacity {
  /** In all, for break-glass or for the rest. */
  total(urgent: boolean): number;
  /** Of one tenant, for break-glass or for the rest. */
  ofTenant(tenantId: string, urgent: boolean): number;
  /** On one channel, for break-glass or for the rest. */
  ofChannel(channel: WaitingChannel): number;
}

export interface Scheduler {
  /** Who gets how many of the free slots. */
  allocate(waiting: WaitingChannel[], capacity: Capacity): Quota[];
}

interface Seat {
  tenantId: string;
  quota: Quota;
  left: number;
}

/** Beyond so many tenants and channels the turns are forgotten; everybody then starts anew. */
const maxRemembered = 20_000;

/**
 * Deals the free capacity out fairly: tenants take turns, and within a tenant its
 * channels take turns, so that a backlog of any size costs others at most their
 * turn. Turns go on from one round to the next: mostly a single slot is free, and
 * it would otherwise always be the first one's. Break-glass has capacity of its own
 * and is dealt first.
 */
export function createScheduler(): Scheduler {
  const lastTurns = new Map<string, number>();
  let turn = 0;

  return {
    allocate(waiting, capacity) {
      if (lastTurns.size > maxRemembered) lastTurns.clear();
      return [true, false].flatMap((urgent) =>
        deal(
          waiting.filter((channel) => channel.urgent === urgent),
          urgent,
          capacity,
        ),
      );
    },
  };

  function deal(waiting: WaitingChannel[], urgent: boolean, capacity: Capacity): Quota[] {
    const seats = waiting
      .map((channel) => ({
        tenantId: channel.tenantId,
        quota: { channelId: channel.channelId, urgent: channel.urgent, count: 0 },
        left: capacity.ofChannel(channel),
      }))
      .filter(({ left }) => left > 0)
      .sort((a, b) => lastTurn(a.quota.channelId) - lastTurn(b.quota.channelId));
    // Queues of queues: whoever had a turn goes to the end of both.
    const tenants = [...Map.groupBy(seats, ({ tenantId }) => tenantId)]
      .sort(([a], [b]) => lastTurn(a) - lastTurn(b))
      .map(([tenantId, own]) => ({ own, left: capacity.ofTenant(tenantId, urgent) }))
      .filter(({ left }) => left > 0);

    for (let left = capacity.total(urgent); left > 0; left--) {
      const tenant = tenants.shift();
      const seat = tenant?.own.shift();
      if (!tenant || !seat) break;
      take(seat);
      tenant.left--;
      if (seat.left > 0) tenant.own.push(seat);
      if (tenant.own.length > 0 && tenant.left > 0) tenants.push(tenant);
    }
    return seats.map(({ quota }) => quota).filter(({ count }) => count > 0);
  }

  function take(seat: Seat): void {
    seat.quota.count++;
    seat.left--;
    turn++;
    lastTurns.set(seat.tenantId, turn);
    lastTurns.set(seat.quota.channelId, turn);
  }

  function lastTurn(id: string): number {
    return lastTurns.get(id) ?? 0;
  }
}
