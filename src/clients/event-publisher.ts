import { create, fromBinary, toBinary } from "@bufbuild/protobuf";
import { Code, ConnectError } from "@connectrpc/connect";
import {
  type IngestEventRequest,
  IngestEventRequestSchema,
  type IngestEventResponse,
  type IngestEventsResponse,
} from "../../gen/jitsudo/notifications/v1/event_pb.js";
import { abortableSleep } from "../async/abortable-sleep.ts";
import { type EventInit, withIdempotencyKey } from "./idempotency-keys.ts";
import { createPublishLane, type PublishRetry } from "./publish-lane.ts";
import type { PublishRetryOptions } from "./publish-retry.ts";

export type { EventInit, PublishRetry, PublishRetryOptions };

/** The `events` of any of the clients. */
export interface EventSender {
  ingestEvents(
    request: { events: IngestEventRequest[] },
    options: { signal: AbortSignal },
  ): Promise<IngestEventsResponse>;
}

export interface EventPublisherOptions {
  events: EventSender;
  /** Most events in one call, 1 to 1,000; default 500. */
  maxBatchEvents?: number;
  /** Most bytes in one call, unless one event alone has more; default 1,048,576. */
  maxBatchBytes?: number;
  /** How long an event may wait for others to go with, in milliseconds; default 20. Break-glass never waits. */
  maxWaitMs?: number;
  /** How many events may have no answer yet before the publisher counts as full; default 10,000. */
  maxUnansweredEvents?: number;
  /** Whether `publish` rejects when it is full; default false: the event waits with the others. */
  rejectWhenFull?: boolean;
  retry?: PublishRetryOptions;
  /** Told of every try that will be repeated, for a log or a metric. */
  onRetry?: (retry: PublishRetry) => void;
}

export interface EventPublisher {
  /**
   * Resolves once the service has committed the event. Rejects with a ConnectError
   * when it refused this event (`errorDetailOf` names the fields), when the call
   * cannot succeed (a wrong key), when the event was given up, or when the publisher
   * is full or closed. The other events of a batch are not harmed by one.
   */
  publish(event: EventInit): Promise<IngestEventResponse>;
  /** Resolves when the publisher is not full: for producers that do not wait for each event. */
  ready(): Promise<void>;
  /**
   * Takes no more events, sends what it has, and stops after `timeoutMs` (default
   * 10,000; Infinity: when all are answered). Returns the events that have no answer by then, with their idempotency
   * keys: some of them may have arrived, and sending them again does no harm. Their
   * `publish` rejects, which needs no handler.
   */
  close(options?: { timeoutMs?: number }): Promise<IngestEventRequest[]>;
}

/**
 * Sends events in batches and repeats what fails, until the service has committed them.
 * An event without an idempotency key gets one, so a repeated call makes nothing twice.
 * Events go out in the order in which they were published; break-glass has a lane of its
 * own and overtakes them.
 *
 * @throws RangeError for a `maxBatchEvents` that the service would refuse
 */
export function createEventPublisher(options: EventPublisherOptions): EventPublisher {
  const { events, maxWaitMs = 20, maxUnansweredEvents = 10_000, rejectWhenFull = false } = options;
  const { maxBatchEvents = 500 } = options;
  // The service refuses a larger call as a whole, with all its events.
  if (!Number.isInteger(maxBatchEvents) || maxBatchEvents < 1 || maxBatchEvents > 1_000) {
    throw new RangeError(`maxBatchEvents must be an integer from 1 to 1000, not ${maxBatchEvents}`);
  }
  const lane = (waitMs: number) =>
    createPublishLane({
      send: (batch, signal) => events.ingestEvents({ events: batch }, { signal }),
      maxBatchEvents,
      maxBatchBytes: options.maxBatchBytes ?? 1_048_576,
      maxWaitMs: waitMs,
      retry: options.retry ?? {},
      onRetry: options.onRetry ?? (() => undefined),
    });
  const ordinary = lane(maxWaitMs);
  const urgent = lane(0);
  const lanes = [urgent, ordinary];
  let closing: Promise<IngestEventRequest[]> | undefined;

  async function stop(timeoutMs: number): Promise<IngestEventRequest[]> {
    for (const lane of lanes) lane.hurry();
    const late = new AbortController();
    const drained = Promise.all(lanes.map((lane) => lane.below(1)));
    await Promise.race([drained, abortableSleep(timeoutMs, late.signal)]);
    late.abort();
    return lanes.flatMap((lane) => lane.abandon());
  }

  function take(event: EventInit): Promise<IngestEventResponse> {
    if (closing) throw new ConnectError("the publisher is closed", Code.FailedPrecondition);
    const { message, bytes } = copyOf(event);
    const lane = message.type === "request.break_glass" ? urgent : ordinary;
    if (rejectWhenFull && lane.size() >= maxUnansweredEvents) {
      throw new ConnectError("the publisher is full", Code.ResourceExhausted);
    }
    return lane.add(message, bytes);
  }

  return {
    // Not async: that would put another promise before the lane's, which knows when nobody need await it.
    publish(event) {
      try {
        return take(event);
      } catch (error) {
        return Promise.reject(error);
      }
    },
    ready: () => ordinary.below(maxUnansweredEvents),
    close({ timeoutMs = 10_000 } = {}) {
      closing ??= stop(timeoutMs);
      return closing;
    },
  };
}

/**
 * The event as it is now, since the caller may reuse or change the object, and its bytes
 * within a request. Throws for what protobuf cannot hold, which would fail a whole batch later.
 */
function copyOf(event: EventInit): { message: IngestEventRequest; bytes: number } {
  try {
    const message = create(IngestEventRequestSchema, withIdempotencyKey(event));
    const binary = toBinary(IngestEventRequestSchema, message);
    return { message: fromBinary(IngestEventRequestSchema, binary), bytes: binary.length + 6 };
  } catch (error) {
    throw new ConnectError(`the event cannot be sent: ${(error as Error).message}`, Code.InvalidArgument);
  }
}
