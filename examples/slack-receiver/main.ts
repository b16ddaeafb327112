// Stands in for Slack: judges a message as an incoming webhook of Slack does, and prints it.
import { createServer } from "node:http";
import { text } from "node:stream/consumers";
import { slackMessage } from "./slack-rules.ts";

const { PORT = "8092" } = process.env;

const server = createServer(async (request, response) => {
  const { success, data, error } = slackMessage.safeParse(parseJson(await text(request)));
  if (!success) {
    console.error(
      "refused:",
      error.issues.map(({ path, message }) => `${path.join(".")} ${message}`).join("; "),
    );
    // Slack's own words (https://docs.slack.dev/messaging/sending-messages-using-incoming-webhooks/).
    response.writeHead(400).end("invalid_payload");
    return;
  }
  console.log(data.text);
  const attached = data.attachments?.flatMap(({ blocks }) => blocks ?? []) ?? [];
  for (const block of [...(data.blocks ?? []), ...attached]) {
    if (block.type === "section")
      for (const { text } of block.fields ?? []) console.log(`  ${oneLine(text)}`);
    if (block.type === "actions")
      for (const { text, url } of block.elements) console.log(`  [${text.text}] ${url}`);
  }
  response.end("ok");
});

function oneLine(text: string): string {
  return text.replaceAll("\n", " ");
}

function parseJson(body: string): unknown {
  try {
    return JSON.parse(body);
  } catch {
    return undefined; // Refused like any other payload that is no message.
  }
}

server.listen(Number(PORT), "127.0.0.1", () => console.log("listening on", server.address()));
