import { create } from "@bufbuild/protobuf";
import { Code, ConnectError, type HandlerContext, type ServiceImpl } from "@connectrpc/connect";
import { codeToString } from "@connectrpc/connect/protocol-connect";
import { ErrorDetailSchema } from "../../gen/jitsudo/notifications/v1/error_pb.js";
import {
  type EventIngestService,
  type IngestEventRequest,
  IngestEventRequestSchema,
  type IngestEventResponse,
  IngestEventResponseSchema,
  type IngestEventResult,
  IngestEventResultSchema,
} from "../../gen/jitsudo/notifications/v1/event_pb.js";
import type { EventType } from "../events.ts";
import type { Metrics } from "../observability/metrics.ts";
import { type NewEvent, payloadHash } from "../store/ingest.ts";
import type { Store, TenantStore } from "../store/store.ts";
import { uuidv7 } from "../uuid-v7.ts";
import { callerOf, storeOf } from "./caller.ts";
import { canonicalPayload } from "./canonical-payload.ts";
import { apiError, refuse, tryLater } from "./errors.ts";
import type { FieldValidator } from "./field-validator.ts";
import { momentOf } from "./moment.ts";
import { createTenantBound } from "./tenant-bound.ts";

export interface IngestServiceOptions {
  store: Store;
  validate: FieldValidator;
  metrics: Metrics;
  /** How long a notice of each type stays useful after its receipt; absent: for ever. */
  maxAgeMs: Partial<Record<EventType, number>>;
}

/** How many of one tenant may stream events at the same time; also a stream that says nothing takes memory. */
const maxStreams = 1_000;

export function createIngestService(options: IngestServiceOptions): ServiceImpl<typeof EventIngestService> {
  const { store, validate, metrics } = options;
  const open = createTenantBound(maxStreams);

  /** The caller's tenant. Throws when so many more events of it may not wait: all of a call or none. */
  function tenantWithRoom(events: number, context: HandlerContext): TenantStore {
    const tenant = storeOf(store, context);
    const excess = tenant.excess(events);
    if (!excess) return tenant;
    throw tryLater(`the tenant may have no more than ${excess} waiting to be stored`, 1_000);
  }

  /** Stores a valid event. */
  async function ingest(
    request: IngestEventRequest,
    tenant: TenantStore,
    context: HandlerContext,
  ): Promise<IngestEventResponse> {
    const { traceparent } = callerOf(context);
    const ingested = await tenant.ingest({ ...newEvent(request, options), traceparent });
    if (ingested.kind === "conflict") {
      const message = "idempotency_key was used for another event";
      throw apiError("already_exists", message, [{ field: "idempotency_key", message }]);
    }
    const { id, deliveries, kind } = ingested;
    if (kind === "accepted") {
      metrics.eventsIngested.inc({ event_type: request.type, protocol: context.protocolName });
      if (deliveries === 0) metrics.eventsUnheard.inc({ event_type: request.type });
    }
    return create(IngestEventResponseSchema, { id, deliveries, replayed: kind === "replayed" });
  }

  /** One result an event. What keeps the store from answering at all fails the call. */
  async function ingestAll(
    requests: IngestEventRequest[],
    context: HandlerContext,
  ): Promise<IngestEventResult[]> {
    const tenant = tenantWithRoom(requests.length, context);
    return Promise.all(
      requests.map(async (request) => {
        try {
          refuse(validate(IngestEventRequestSchema, request));
          return accepted(await ingest(request, tenant, context));
        } catch (error) {
          if (!(error instanceof ConnectError) || error.code === Code.Unavailable) throw error;
          metrics.eventsRejected.inc({ code: codeToString(error.code) });
          return rejected(error);
        }
      }),
    );
  }

  return {
    ingestEvent: async (request, context) => ingest(request, tenantWithRoom(1, context), context),

    async ingestEvents({ events }, context) {
      return { results: await ingestAll(events, context) };
    },

    async *streamEvents(requests, context) {
      const close = open(callerOf(context).tenantId);
      if (!close) {
        const message = `the tenant has ${maxStreams} open streams of events on this server and may not have more`;
        throw tryLater(message, 1_000);
      }
      try {
        for await (const { events } of requests) yield { results: await ingestAll(events, context) };
      } finally {
        close();
      }
    },
  };
}

function newEvent(
  request: IngestEventRequest,
  options: IngestServiceOptions,
): Omit<NewEvent, "tenantId" | "traceparent"> {
  const payload = canonicalPayload(request);
  return {
    id: uuidv7(),
    type: request.type as EventType,
    payload,
    payloadHash: payloadHash(payload),
    idempotencyKey: request.idempotencyKey || undefined,
    requestId: request.requestId || undefined,
    subject: request.requestId || request.grantId || undefined,
    expiresAt: expiryOf(request),
    maxAgeMs: options.maxAgeMs[request.type as EventType],
  };
}

/** The sender's word, else the end of what is about to expire; without either, the operator's limit holds. */
function expiryOf(request: IngestEventRequest): Date | undefined {
  if (request.deliverBefore) return momentOf(request.deliverBefore);
  if (request.type === "grant.expiring_soon" && request.expiresAt) return momentOf(request.expiresAt);
  return undefined;
}

function accepted(response: IngestEventResponse): IngestEventResult {
  return create(IngestEventResultSchema, { result: { case: "accepted", value: response } });
}

function rejected(error: ConnectError): IngestEventResult {
  const [detail] = error.findDetails(ErrorDetailSchema);
  const value = { message: error.rawMessage, ...(detail && { detail }) };
  return create(IngestEventResultSchema, { result: { case: "rejected", value } } as never);
}
