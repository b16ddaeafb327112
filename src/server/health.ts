import type { ConnectRouter, ServiceImpl } from "@connectrpc/connect";
import { Health, HealthCheckResponse_ServingStatus as Status } from "../../gen/health/v1/health_pb.js";
import { apiError } from "../services/errors.ts";
import type { Calls, HttpRequest, HttpResponse } from "./calls.ts";
import { errorReply, httpError, type Reply } from "./error-body.ts";
import type { Readiness } from "./readiness.ts";
import { sendReply } from "./write-response.ts";

/** How often a watcher's state is looked at, in milliseconds. */
const watchIntervalMs = 1000;

/**
 * grpc.health.v1, for the whole server ("") and for each service by its full name.
 * All of them share one state, since all need the same store. `services` is read
 * at each call.
 */
export function registerHealth(
  router: ConnectRouter,
  readiness: Readiness,
  services: () => string[],
  limits: { readMaxBytes: number },
): void {
  const implementation: ServiceImpl<typeof Health> = {
    async check({ service }) {
      if (!isKnown(service)) throw apiError("not_found", `there is no service ${JSON.stringify(service)}`);
      return { status: await status() };
    },

    async list() {
      const now = await status();
      return { statuses: Object.fromEntries(["", ...services()].map((name) => [name, { status: now }])) };
    },

    async *watch({ service }, { signal }) {
      let sent: Status | undefined;
      while (!signal.aborted) {
        const now = isKnown(service) ? await status() : Status.SERVICE_UNKNOWN;
        if (now !== sent) yield { status: now };
        sent = now;
        if ((await readiness.state()) === "stopping") {
          // A watcher would otherwise hold up the stop for the whole time of grace.
          throw apiError("unavailable", "the server is stopping");
        }
        await readiness.pause(watchIntervalMs);
      }
    },
  };
  router.service(Health, implementation, limits);

  function isKnown(service: string): boolean {
    return service === "" || services().includes(service);
  }

  async function status(): Promise<Status> {
    return (await readiness.state()) === "ready" ? Status.SERVING : Status.NOT_SERVING;
  }
}

/** Answers `GET /healthz` (the process lives) and `GET /readyz` (it can work); false for other paths. */
export type HealthPages = (request: HttpRequest, response: HttpResponse, path: string) => boolean;

export function createHealthPages({ readiness, calls }: { readiness: Readiness; calls: Calls }): HealthPages {
  return (request, response, path) => {
    if (path !== "/healthz" && path !== "/readyz") return false;
    const call = calls.begin(request, response, path);
    if (request.method !== "GET" && request.method !== "HEAD") {
      call.error = httpError("method_not_allowed", "this path takes GET, HEAD", { allow: "GET, HEAD" });
      sendReply(call, errorReply(call.error));
    } else if (path === "/healthz") {
      sendReply(call, page(200, { status: "ok" }));
    } else {
      void readiness.state().then((state) => sendReply(call, readyPage(state)));
    }
    return true;
  };
}

function readyPage(state: Awaited<ReturnType<Readiness["state"]>>): Reply {
  return state === "ready"
    ? page(200, { status: "ok" })
    : page(503, { status: "unavailable", reason: state });
}

function page(status: number, body: Record<string, string>): Reply {
  const headers = { "content-type": "application/json" };
  return { status, headers, body: JSON.stringify(body) };
}
