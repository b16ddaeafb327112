import { setTimeout as sleep } from "node:timers/promises";
import { nowMs } from "./clock.ts";
import { type Driver, type DriverSpec, openDriver } from "./drivers/driver.ts";
import { type BenchEvent, makeEvent } from "./event.ts";
import { servePeer } from "./peer.ts";

/** Events to send. */
export interface Plan {
  tag: string;
  type: BenchEvent["type"];
  events: number;
  /** Events in one call. */
  batch: number;
  /** Calls under way at the same time, at the most, when there is no rate. */
  calls: number;
  /** Calls a second, however long they take; absent: as fast as they are answered. */
  ratePerSecond?: number;
}

/** When each event was sent and when its acknowledgement came, in milliseconds of the monotonic clock. */
export interface Sent {
  sentAt: Float64Array;
  acknowledgedAt: Float64Array;
}

export type GeneratorMethods = {
  /** Opens the driver and leaves the last one. */
  open(spec: DriverSpec | undefined): Promise<void>;
  /** Resolves when all is acknowledged; rejects when one call fails. */
  send(plan: Plan): Promise<Sent>;
};

let driver: Driver | undefined;

servePeer<GeneratorMethods>({
  async open(spec) {
    await driver?.close();
    driver = spec && (await openDriver(spec));
  },

  async send(plan) {
    if (!driver) throw new Error("No driver is open");
    const { send } = driver;
    const events = Array.from({ length: plan.events }, (_, index) => makeEvent(plan.tag, index, plan.type));
    const sent = {
      sentAt: new Float64Array(plan.events),
      acknowledgedAt: new Float64Array(plan.events),
    };
    const sendFrom = async (start: number) => {
      const end = Math.min(plan.events, start + plan.batch);
      sent.sentAt.fill(nowMs(), start, end);
      await send(events.slice(start, end));
      sent.acknowledgedAt.fill(nowMs(), start, end);
    };
    await (plan.ratePerSecond === undefined
      ? asFastAsPossible(plan, sendFrom)
      : atRate(plan, plan.ratePerSecond, sendFrom));
    return sent;
  },
});

async function asFastAsPossible(plan: Plan, sendFrom: (start: number) => Promise<void>): Promise<void> {
  let next = 0;
  const caller = async () => {
    while (next < plan.events) {
      const start = next;
      next += plan.batch;
      await sendFrom(start);
    }
  };
  await Promise.all(Array.from({ length: plan.calls }, caller));
}

/** An open loop: a call that is slow does not put the next one off, so its delay is seen. */
async function atRate(
  plan: Plan,
  ratePerSecond: number,
  sendFrom: (start: number) => Promise<void>,
): Promise<void> {
  const startedAt = nowMs();
  const underWay: Promise<void>[] = [];
  const failures: unknown[] = [];
  for (let start = 0; start < plan.events; start += plan.batch) {
    const dueAt = startedAt + (start / plan.batch) * (1000 / ratePerSecond);
    const waitMs = dueAt - nowMs();
    if (waitMs > 0) await sleep(waitMs);
    if (failures.length > 0) break;
    underWay.push(sendFrom(start).catch((error: unknown) => void failures.push(error)));
  }
  await Promise.all(underWay);
  if (failures.length > 0) throw failures[0];
}
