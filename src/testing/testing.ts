// What users' own tests need: the real service, and somebody who receives what it sends.
export { startTestService, type TestService, type TestServiceOptions } from "./test-service.ts";
export { type SinkRequest, startWebhookSink, type WebhookSink } from "./webhook-sink.ts";
