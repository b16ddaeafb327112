import { setTimeout as sleep } from "node:timers/promises";
import type { Postgres } from "../support/postgres.ts";
import type { Random } from "../support/random.ts";
import type { Redis } from "../support/redis.ts";
import type { Fleet, Member, Role } from "./fleet.ts";

export interface Disturbed {
  kills: Record<Role, number>;
  pauses: Record<Role, number>;
  postgresRestarts: number;
  redisStops: number;
  redisHangs: number;
  /** From when to when PostgreSQL was away, in milliseconds since 1970. */
  postgresAway: [from: number, to: number][];
}

export interface DisturbanceOptions {
  fleet: Fleet;
  postgres: Postgres;
  redis: Redis;
  random: Random;
  kills: number;
  leaseMs: number;
  /** Time between one disturbance and the next. */
  everyMs: number;
}

/** For so many kills there is one of the others. */
const perKills = { postgresRestart: 4, redisOutage: 3, pause: 2 };

/** Disturbs the fleet and what it stands on until the kills are used up. Answers what it did. */
export async function disturb(options: DisturbanceOptions): Promise<Disturbed> {
  const { fleet, postgres, redis, random, kills, leaseMs, everyMs } = options;
  const done: Disturbed = {
    kills: { worker: 0, api: 0, all: 0 },
    pauses: { worker: 0, api: 0, all: 0 },
    postgresRestarts: 0,
    redisStops: 0,
    redisHangs: 0,
    postgresAway: [],
  };

  function victim(): Member {
    return random.pick(fleet.members.filter((member) => member.up));
  }

  function kill(): Promise<void> {
    const member = victim();
    done.kills[member.role]++;
    return fleet.replace(member);
  }

  async function pause(): Promise<void> {
    const member = victim();
    done.pauses[member.role]++;
    member.service.pause();
    await sleep(leaseMs * 2);
    member.service.resume();
  }

  async function restartPostgres(): Promise<void> {
    const from = Date.now();
    await postgres.restart("immediate");
    done.postgresAway.push([from, Date.now()]);
    done.postgresRestarts++;
  }

  async function stopRedis(): Promise<void> {
    if (random.chance(0.5)) {
      done.redisStops++;
      await redis.stop();
      await sleep(everyMs / 2);
      await redis.start();
    } else {
      done.redisHangs++;
      redis.pause();
      await sleep(everyMs / 2);
      redis.resume();
    }
  }

  for (let killed = 1; killed <= kills; killed++) {
    await sleep(everyMs * (0.5 + random.next()));
    const replaced = kill();
    if (killed % perKills.pause === 0) await pause();
    if (killed % perKills.redisOutage === 0) await stopRedis();
    if (killed % perKills.postgresRestart === 0) await restartPostgres();
    // On a slow machine nobody would be left otherwise.
    await replaced;
  }
  return done;
}
