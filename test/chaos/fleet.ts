import { setTimeout as sleep } from "node:timers/promises";
import { type Service, startService } from "../support/service.ts";

/** Those of role "all" hand new deliveries over to themselves. */
export type Role = "api" | "all" | "worker";

/** A place in the fleet: the process in it is replaced when it was killed. */
export interface Member {
  role: Role;
  service: Service;
  /** False while it is being replaced. */
  up: boolean;
}

export interface Fleet {
  members: readonly Member[];
  /** Addresses of the processes that run and answer calls. */
  apiUrls(): string[];
  /** SIGKILL, and a new process in its place; resolves when that is ready. */
  replace(member: Member): Promise<void>;
  close(): Promise<void>;
}

const restartDelayMs = 500;

/** Starts processes of the service, as a supervisor would: whatever ends is started again. */
export async function startFleet(counts: Record<Role, number>, env: Record<string, string>): Promise<Fleet> {
  const start = (role: Role) => startService({ env: { ...env, JITSUDO_ROLE: role } });
  const members: Member[] = [];
  for (const role of ["api", "all", "worker"] as const) {
    for (let i = 0; i < counts[role]; i++) members.push({ role, service: await start(role), up: true });
  }

  /** The database may be away just now. */
  async function startWhenPossible(role: Role): Promise<Service> {
    for (let tries = 0; ; tries++) {
      try {
        return await start(role);
      } catch (error) {
        if (tries === 20) throw error;
        await sleep(restartDelayMs);
      }
    }
  }

  return {
    members,
    apiUrls: () =>
      members.filter(({ role, up }) => role !== "worker" && up).map(({ service }) => service.url),
    async replace(member) {
      member.up = false;
      await member.service.close();
      member.service = await startWhenPossible(member.role);
      member.up = true;
    },
    async close() {
      await Promise.all(members.map(({ service }) => service.close()));
    },
  };
}
