import type { EventPayload } from "../src/events.ts";

/** How many notices an event becomes. The service's channels filter by type, the others are told. */
export type Fanout = 1 | 3;

/** An event of the benchmark, as JITSudo would send it. */
export interface BenchEvent extends EventPayload {
  type: "request.approved" | "grant.active" | "request.break_glass";
  request_id: string;
  requester: string;
  resource_type: string;
  resource_id: string;
  permission_set_arn: string;
  duration_seconds: number;
  justification: string;
  url: string;
}

/** The one type that all three channels of a side want. */
export const fannedOutType = "grant.active";

const eventBytes = 1_024;

/**
 * Event number `index` of the run `tag`: 1 KB of JSON, like no other, so that
 * nothing is suppressed as a duplicate and no notice waits for an earlier one.
 */
export function makeEvent(tag: string, index: number, type: BenchEvent["type"]): BenchEvent {
  const event: BenchEvent = {
    type,
    request_id: `${tag}-${index}`,
    requester: `user-${index % 977}@example.com`,
    resource_type: "aws_account",
    resource_id: String(123_456_000_000 + (index % 1_000)),
    permission_set_arn: "arn:aws:sso:::permissionSet/ssoins-0123456789abcdef/ps-0123456789abcdef",
    duration_seconds: 3_600,
    justification: "",
    url: `https://jitsudo.example.com/requests/${tag}-${index}`,
  };
  const missing = eventBytes - JSON.stringify(event).length;
  return {
    ...event,
    justification: "The database is slow and somebody has to look. ".repeat(30).slice(0, missing),
  };
}

export function fanoutOf({ type }: Pick<BenchEvent, "type">): Fanout {
  return type === fannedOutType ? 3 : 1;
}
