import { credentialsFile } from "./data-dir.ts";
import type { Credentials } from "./first-tenant.ts";

/**
 * What a newcomer can paste. The key itself is shown in embedded mode alone; where
 * a database was given, standard output may well end up in a log.
 */
export function welcome(
  url: string,
  dataDir: string,
  credentials: Credentials | undefined,
  embedded: boolean,
): string {
  if (!credentials) return "";
  if (!embedded) return `The first tenant and its key are in ${credentialsFile(dataDir)}\n`;
  const who = `-H 'X-API-Key: ${credentials.apiKey}' \\\n  -H 'X-Tenant-ID: ${credentials.tenantId}'`;
  const post = (path: string, body: object) =>
    `curl -sS ${url}${path} \\\n  ${who} \\\n  -H 'Content-Type: application/json' \\\n  -d '${JSON.stringify(body)}'`;

  return `
Tenant   ${credentials.tenantId}
API key  ${credentials.apiKey}
Console  ${url}/console

1. In another terminal, start a sink that prints what it receives:

npm run sink

2. Create channels that point to it:

${post("/v1/notification-channels/generic-webhook", { name: "my webhook", url: "http://127.0.0.1:8090/hook" })}

${post("/v1/notification-channels/email", {
  name: "my mailbox",
  smtp_host: "127.0.0.1",
  smtp_port: 2525,
  from_address: "jitsudo@example.com",
  to_addresses: ["security@example.com"],
})}

3. Send an event, and look at the sink:

${post("/v1/events", {
  type: "request.break_glass",
  request_id: "req-1",
  requester: "ada@example.com",
  resource_type: "aws_account",
  resource_id: "123456789012",
  justification: "database is down",
})}

4. Ask what became of it:

curl -sS ${url}/v1/deliveries \\
  ${who}
`;
}
