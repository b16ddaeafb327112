import { afterAll, beforeAll, expect, it } from "vitest";
import { type ApiServer, headers, startApiServer } from "../support/api-server.ts";

let server: ApiServer;
beforeAll(async () => {
  server = await startApiServer();
});
afterAll(() => server.close());

it.each([
  ["grpc-timeout", "99999999H", "application/grpc-web+json"],
  ["grpc-timeout", "597H", "application/grpc-web+json"],
  ["connect-timeout-ms", "9999999999", "application/json"],
])("a client's deadline of %s %s is no reason to end a call at once", async (name, value, type) => {
  const json = Buffer.from('{"type":"grant.active","reason":"wait:200"}');
  const framed = Buffer.concat([Buffer.from([0, 0, 0, 0, json.length]), json]);
  const answer = await fetch(`${server.url}/jitsudo.notifications.v1.EventIngestService/IngestEvent`, {
    method: "POST",
    headers: { ...headers, "content-type": type, [name]: value },
    body: type === "application/json" ? json : framed,
  });
  expect(answer.status).toBe(200);
  expect(await answer.text()).toMatch(/all\/grant\.active/);
});
