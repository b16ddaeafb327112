// Receives notices by webhook, acts upon those that the service has signed, and upon each one once.
import { createServer, type IncomingMessage } from "node:http";
import { verifyWebhook, WebhookError, type WebhookNotice } from "jitsudo-notifications/webhooks";

const { WEBHOOK_SECRET: secret, PORT = "8091" } = process.env;
if (!secret)
  throw new Error("Set WEBHOOK_SECRET: the channel's signing secret (whsec_) or public key (whpk_)");

const maxBytes = 1_000_000;

// A notice can come twice: when our answer to the first one got lost. What acts upon
// notices keeps these ids where they survive a restart.
const seen = new Set<string>();

const server = createServer(async (request, response) => {
  try {
    const notice = verifyWebhook({ body: await bodyOf(request), headers: request.headers, secret });
    if (!seen.has(notice.delivery_id)) act(notice);
    seen.add(notice.delivery_id);
    response.writeHead(204).end();
  } catch (error) {
    // What is not answered with 2xx is sent again: right for a fault of ours, harmless for a forgery.
    const problem = error instanceof WebhookError ? error.problem : String(error);
    console.error(`refused: ${problem}`);
    response.writeHead(error instanceof WebhookError ? 401 : 500).end();
  }
});

function act({ type, severity, title, summary, data }: WebhookNotice): void {
  console.log(`${severity} ${type}: ${title}. ${summary}`);
  if (type === "request.break_glass") console.log(`  paging the person on call about ${data.request_id}`);
}

/** The bytes as they came: a parsed and printed body has another signature. */
async function bodyOf(request: IncomingMessage): Promise<Buffer> {
  const chunks: Buffer[] = [];
  let length = 0;
  for await (const chunk of request) {
    length += chunk.length;
    if (length > maxBytes) throw new Error("the body is too long");
    chunks.push(chunk);
  }
  return Buffer.concat(chunks);
}

server.listen(Number(PORT), "127.0.0.1", () => console.log("listening on", server.address()));
