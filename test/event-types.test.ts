import { expect, expectTypeOf, test } from "vitest";
import * as client from "../src/clients/connect.ts";
import { eventTypes } from "../src/events.ts";

const request = { requestId: "req-1", requester: "ada@example.com" };
const grant = { grantId: "grant-1", requester: "ada@example.com" };
const expiresAt = new Date("2026-03-01T17:00:00.500Z");

test("there is a constructor for each of the nine types", () => {
  const events = [
    client.requestPending(request),
    client.requestApproved(request),
    client.requestDenied(request),
    client.requestExpired(request),
    client.requestBreakGlass({ ...request, justification: "database is down" }),
    client.grantActive(grant),
    client.grantExpiringSoon({ ...grant, expiresAt }),
    client.grantExpired(grant),
    client.grantRevoked(grant),
  ];
  expect(events.map(({ type }) => type)).toEqual(eventTypes);
});

test("an event carries what it was given, times as protobuf has them", () => {
  const event = client.requestPending({
    ...request,
    expiresAt,
    resourceType: "aws_account",
    attributes: { ticket: "OPS-1" },
    idempotencyKey: "key-1",
  });
  expect(event).toMatchObject({
    type: "request.pending",
    ...request,
    expiresAt: { seconds: 1772384400n, nanos: 500_000_000 },
    resourceType: "aws_account",
    attributes: { ticket: "OPS-1" },
    idempotencyKey: "key-1",
  });
  expect(event.occurredAt).toBeUndefined();
});

test("a wrong field does not compile", () => {
  // tsc reads these; they are never called.
  const mistakes = [
    // @ts-expect-error requester is missing
    () => client.requestPending({ requestId: "req-1" }),
    // @ts-expect-error no such field
    () => client.requestPending({ ...request, requestor: "ada" }),
    // @ts-expect-error a request has no grant yet
    () => client.requestPending({ ...request, grantId: "grant-1" }),
    // @ts-expect-error a time is a Date
    () => client.requestPending({ ...request, expiresAt: "2026-03-01T17:00:00Z" }),
    // @ts-expect-error nobody judges a break-glass access without its justification
    () => client.requestBreakGlass(request),
    // @ts-expect-error nobody reviews a break-glass access before it is used
    () => client.requestBreakGlass({ ...request, justification: "x", reviewer: "bob" }),
    // @ts-expect-error when it expires is what the notice is about
    () => client.grantExpiringSoon(grant),
    // @ts-expect-error a grant has its own id
    () => client.grantExpired(request),
    // @ts-expect-error nobody gives a reason for what ends by itself
    () => client.grantExpired({ ...grant, reason: "x" }),
    // @ts-expect-error attributes are JSON
    () => client.grantRevoked({ ...grant, attributes: { at: new Date() } }),
  ];
  expect(mistakes).toHaveLength(10);
  expectTypeOf(client.grantActive).returns.toEqualTypeOf<client.IngestEventRequest>();
  expectTypeOf<Parameters<typeof client.grantExpiringSoon>[0]>()
    .toHaveProperty("expiresAt")
    .toEqualTypeOf<Date>();
});
