// An access service that tells about what it does: three requests, from the first
// question to the end of the access, in the nine events.
import {
  createEventPublisher,
  createNotificationsClient,
  grantActive,
  grantExpired,
  grantExpiringSoon,
  grantRevoked,
  requestApproved,
  requestBreakGlass,
  requestDenied,
  requestExpired,
  requestPending,
} from "jitsudo-notifications/client";

const { NOTIFICATIONS_URL = "http://127.0.0.1:8080", JITSUDO_API_KEY, JITSUDO_TENANT_ID } = process.env;
if (!JITSUDO_API_KEY || !JITSUDO_TENANT_ID) {
  throw new Error("Set JITSUDO_API_KEY and JITSUDO_TENANT_ID: data/credentials.json has both");
}

const client = createNotificationsClient({
  baseUrl: NOTIFICATIONS_URL,
  apiKey: JITSUDO_API_KEY,
  tenantId: JITSUDO_TENANT_ID,
});
const publisher = createEventPublisher({
  events: client.events,
  onRetry: ({ error, events, waitMs }) => {
    console.error(`${events} events wait ${Math.round(waitMs)} ms: ${error.message}`);
  },
});

const inMinutes = (minutes: number) => new Date(Date.now() + minutes * 60_000);

// What ties the events of one access together. Ids are new with every run, as real ones are.
const run = Date.now().toString(36);
const production = { resourceType: "aws_account", resourceId: "123456789012" };
const ada = { requester: "ada@example.com", ...production };
const ben = { requester: "ben@example.com", ...production };

const story = [
  // Ada asks, is approved, and her access ends as planned.
  requestPending({ ...ada, requestId: `req-${run}-1`, justification: "Deploy 4.2", durationSeconds: 3600 }),
  requestApproved({ ...ada, requestId: `req-${run}-1`, reviewer: "cleo@example.com" }),
  grantActive({ ...ada, grantId: `grant-${run}-1`, requestId: `req-${run}-1`, expiresAt: inMinutes(60) }),
  grantExpiringSoon({
    ...ada,
    grantId: `grant-${run}-1`,
    requestId: `req-${run}-1`,
    expiresAt: inMinutes(10),
  }),
  grantExpired({ ...ada, grantId: `grant-${run}-1`, requestId: `req-${run}-1` }),
  // Ben is refused, tries again, and nobody answers.
  requestDenied({ ...ben, requestId: `req-${run}-2`, reviewer: "cleo@example.com", reason: "Use staging" }),
  requestExpired({ ...ben, requestId: `req-${run}-3` }),
  // At night he breaks the glass, and Cleo takes the access away.
  requestBreakGlass({ ...ben, requestId: `req-${run}-4`, justification: "Payments are down" }),
  grantRevoked({
    ...ben,
    grantId: `grant-${run}-4`,
    reviewer: "cleo@example.com",
    reason: "Not an emergency",
  }),
];

await Promise.all(
  story.map(async (event) => {
    const { id, deliveries } = await publisher.publish(event);
    console.log(`${event.type} is event ${id}, with ${deliveries} deliveries`);
  }),
);

// In a service this belongs where SIGTERM is handled.
const unsent = await publisher.close();
client.close();
if (unsent.length > 0) throw new Error(`${unsent.length} events were not sent`);
