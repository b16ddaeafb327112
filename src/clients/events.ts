import { create, type JsonObject } from "@bufbuild/protobuf";
import { timestampFromDate } from "@bufbuild/protobuf/wkt";
import {
  type IngestEventRequest,
  IngestEventRequestSchema,
} from "../../gen/jitsudo/notifications/v1/event_pb.js";

// One constructor for each of the nine events. The API demands the type alone, since it
// takes what other systems know; here a field that the event is about must be given.

/** What every event may have. */
interface CommonFields {
  /** When it happened; default: when the service receives the event. */
  occurredAt?: Date;
  /** A repeated key returns the first event instead of making another. */
  idempotencyKey?: string;
  /** The notice is useless after this time. */
  deliverBefore?: Date;
  /** For example "aws_account". */
  resourceType?: string;
  resourceId?: string;
  permissionSetArn?: string;
  durationSeconds?: number;
  /** Why the requester needs access. */
  justification?: string;
  /** Where to look at the request or the grant. */
  url?: string;
  /** Anything else, passed on to webhooks and SNS as it is. */
  attributes?: JsonObject;
}

interface RequestFields extends CommonFields {
  requestId: string;
  /** Who asks for access. */
  requester: string;
}

interface GrantFields extends CommonFields {
  grantId: string;
  /** Who has the access. */
  requester: string;
  /** The request that the grant came from. */
  requestId?: string;
}

export interface RequestPending extends RequestFields {
  /** Who is asked to decide. */
  reviewer?: string;
  /** When the approval timeout is reached. */
  expiresAt?: Date;
}

export interface RequestApproved extends RequestFields {
  /** Absent when a policy decided. */
  reviewer?: string;
  reason?: string;
  /** When the access will end. */
  expiresAt?: Date;
}

export interface RequestDenied extends RequestFields {
  /** Absent when a policy decided. */
  reviewer?: string;
  reason?: string;
}

export interface RequestExpired extends RequestFields {
  /** Who was asked to decide. */
  reviewer?: string;
}

export interface RequestBreakGlass extends RequestFields {
  /** Required: nobody approved this access, so the reader judges it by its justification. */
  justification: string;
  grantId?: string;
  /** When the access will end. */
  expiresAt?: Date;
}

export interface GrantActive extends GrantFields {
  /** Who approved it. */
  reviewer?: string;
  /** When the access will end. */
  expiresAt?: Date;
}

export interface GrantExpiringSoon extends GrantFields {
  /** When the access will end; after it the notice is not delivered. */
  expiresAt: Date;
}

export interface GrantExpired extends GrantFields {
  /** When the access ended. */
  expiresAt?: Date;
}

export interface GrantRevoked extends GrantFields {
  /** Who revoked it. */
  reviewer?: string;
  reason?: string;
}

/** A new request was submitted and awaits review. */
export const requestPending = (fields: RequestPending) => eventOf("request.pending", fields);
/** The request was approved. */
export const requestApproved = (fields: RequestApproved) => eventOf("request.approved", fields);
/** The request was denied. */
export const requestDenied = (fields: RequestDenied) => eventOf("request.denied", fields);
/** Nobody decided before the approval timeout. */
export const requestExpired = (fields: RequestExpired) => eventOf("request.expired", fields);
/** Emergency access was used without approval. */
export const requestBreakGlass = (fields: RequestBreakGlass) => eventOf("request.break_glass", fields);
/** The grant was provisioned: access is live. */
export const grantActive = (fields: GrantActive) => eventOf("grant.active", fields);
/** The grant nears its end. */
export const grantExpiringSoon = (fields: GrantExpiringSoon) => eventOf("grant.expiring_soon", fields);
/** The grant has ended as planned. */
export const grantExpired = (fields: GrantExpired) => eventOf("grant.expired", fields);
/** The grant was ended before its time. */
export const grantRevoked = (fields: GrantRevoked) => eventOf("grant.revoked", fields);

/** The fields with the times as protobuf has them. Throws for a Date that is none. */
function eventOf(
  type: string,
  { occurredAt, deliverBefore, expiresAt, ...rest }: CommonFields & { expiresAt?: Date },
): IngestEventRequest {
  return create(IngestEventRequestSchema, {
    ...rest,
    type,
    ...(occurredAt && { occurredAt: timestampFromDate(occurredAt) }),
    ...(deliverBefore && { deliverBefore: timestampFromDate(deliverBefore) }),
    ...(expiresAt && { expiresAt: timestampFromDate(expiresAt) }),
  });
}
